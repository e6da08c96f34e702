// Loaded before the suite, from its folder: names of the internet are sockets of this machine, nothing leaves it, and
// clients have the transport and the format of the run unless a test says otherwise.
const { Socket } = require('node:net');
const { join } = require('node:path');

/** @type {{ ports: Record<string, Record<string, number>>, transport: string, format: string }} */
const { ports, transport, format } = JSON.parse(process.env.PARVIS_RUN ?? '');
const local = new Set(['localhost', '127.0.0.1', '::1']);

/** An address that never answers, as RFC 1918 ones that nobody has do on a network that does not say so. */
const silent = '10.255.255.1';

const connect = Socket.prototype.connect;
Socket.prototype.connect = function (...args) {
  const [options, callback] = Array.isArray(args[0]) ? args[0] : args;
  const host = options?.host ?? 'localhost';
  if (typeof options !== 'object' || options.path || local.has(host)) return connect.apply(this, args);
  if (host === silent) return waiting(this);
  const port = ports[host]?.[options.port];
  if (port === undefined) return unknown(this, host);
  const { lookup: _, ...rest } = options;
  return connect.call(this, { ...rest, host: '127.0.0.1', port }, callback);
};

/** @param {Socket} socket */
function waiting(socket) {
  socket.connecting = true;
  return socket;
}

/** @param {Socket} socket @param {string} hostname */
function unknown(socket, hostname) {
  const failure = new Error(`getaddrinfo ENOTFOUND ${hostname}`);
  process.nextTick(() =>
    socket.destroy(Object.assign(failure, { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname })),
  );
  return socket;
}

const { Config, Defaults } = require(join(process.cwd(), 'build/ably-node')).Realtime.Platform;
Config.preferBinary = format === 'msgpack';
if (transport === 'comet') Defaults.defaultTransports = ['comet'];
