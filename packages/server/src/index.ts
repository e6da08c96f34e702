export { createServer, type Listening, type ParvisServer, type ServerOptions } from './server.ts';
