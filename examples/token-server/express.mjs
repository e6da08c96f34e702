// /api/token on Express, with @parvis/auth.
import { createServer } from 'node:http';
import { spaceCapability, tokenHandler, toNodeHandler } from '@parvis/auth';
import express from 'express';
import { key, listen } from './server.mjs';
import { userOf } from './sessions.mjs';

const handler = tokenHandler({
  key,
  capability: spaceCapability('board'),
  getUser(request) {
    const clientId = userOf(request.headers.get('cookie') ?? '');
    return clientId ? { clientId } : null;
  },
});

const app = express();
app.get('/api/token', toNodeHandler(handler));

await listen(createServer(app));
