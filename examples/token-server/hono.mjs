// /api/token on Hono, with @parvis/auth. The app is a function from Request to Response and runs wherever Hono does; here Node's
// http carries it.
import { createServer } from 'node:http';
import { spaceCapability, tokenHandler, toNodeHandler } from '@parvis/auth';
import { Hono } from 'hono';
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

const app = new Hono();
app.get('/api/token', (context) => handler(context.req.raw));

await listen(createServer(toNodeHandler((request) => app.fetch(request))));
