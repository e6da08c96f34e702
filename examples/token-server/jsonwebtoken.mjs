// /api/ably-jwt: a JWT made with `jsonwebtoken` alone. Any JWT library in any language does: the header names the key, the key's
// secret signs, and two claims say who it is and what may be done.
import { createServer } from 'node:http';
import express from 'express';
import jwt from 'jsonwebtoken';
import { key, listen } from './server.mjs';
import { userOf } from './sessions.mjs';

const [keyName, secret] = key.split(':');
const capability = JSON.stringify({ 'board::*': ['publish', 'subscribe', 'presence', 'history'] });
const app = express();

app.get('/api/ably-jwt', (request, response) => {
  const clientId = userOf(request.headers.cookie);
  if (!clientId) return response.status(401).json({ message: 'sign in first' });
  const claims = { 'x-ably-clientId': clientId, 'x-ably-capability': capability };
  const token = jwt.sign(claims, secret, { algorithm: 'HS256', keyid: keyName, expiresIn: '1h' });
  response.set('cache-control', 'no-store').type('application/jwt').send(token);
});

await listen(createServer(app));
