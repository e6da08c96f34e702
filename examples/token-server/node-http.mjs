// /api/token on Node's own http, with @parvis/auth.
import { createServer } from 'node:http';
import { spaceCapability, tokenHandler, toNodeHandler } from '@parvis/auth';
import { key, listen } from './server.mjs';
import { userOf } from './sessions.mjs';

const answer = toNodeHandler(
  tokenHandler({
    key,
    capability: spaceCapability('board'),
    getUser(request) {
      const clientId = userOf(request.headers.get('cookie') ?? '');
      return clientId ? { clientId } : null;
    },
  }),
);

const server = createServer((request, response) => {
  if (request.url?.split('?')[0] === '/api/token') answer(request, response);
  else response.writeHead(404).end();
});

await listen(server);
