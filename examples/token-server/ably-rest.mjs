// /api/ably-token: tokens made by the official REST client, unmodified, pointed at Parvis.
import { createServer } from 'node:http';
import Ably from 'ably';
import express from 'express';
import { address, key, listen } from './server.mjs';
import { userOf } from './sessions.mjs';

const ably = new Ably.Rest({ key, ...address });
const app = express();

app.get('/api/ably-token', async (request, response) => {
  const clientId = userOf(request.headers.cookie);
  if (!clientId) return response.status(401).json({ message: 'sign in first' });
  const params = { clientId, capability: { 'board::*': ['publish', 'subscribe', 'presence', 'history'] } };
  // A token request is signed here, and the browser exchanges it at the server. Token details are a finished token, for which
  // this process asks the server. Clients take either.
  const wantsDetails = request.query.form === 'details';
  const answer = wantsDetails ? await ably.auth.requestToken(params) : await ably.auth.createTokenRequest(params);
  response.set('cache-control', 'no-store').json(answer);
});

await listen(createServer(app));
