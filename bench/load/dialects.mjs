import { Agent, request } from 'node:http';
import { Opcode } from '../frame.mjs';
import { keyName, keySecret, mint } from '../jwt.mjs';
import { decode, encode } from './msgpack.mjs';

/**
 * How one kind of server is spoken to.
 * @typedef {object} Dialect
 * @property {string} path request target of the upgrade
 * @property {number} opcode of the frames that the client sends
 * @property {boolean} readyAtOpen whether the upgrade alone makes a subscriber
 * @property {boolean} ownPayload whether deliveries carry the published payload; a server that repeats one fixed frame does not
 * @property {string} [greeting] what the client says as soon as the upgrade is through
 * @property {(frame: Buffer) => { send?: string | Uint8Array, sendAfter?: Promise<string[]>, ready?: boolean }} answer
 *   what to do on a frame that came before the subscriber was ready; throws when it is a refusal
 * @property {(port: number) => Promise<Dialect>} [begin] what comes before the upgrade, and the dialect to go on with
 * @property {(sequence: number, data: string) => string | Uint8Array} publish
 * @property {(frame: Buffer) => unknown[]} delivered payloads of the messages in a frame; none if it is no delivery
 */

/**
 * What a job says about the server.
 * @typedef {object} Speech
 * @property {'ably' | 'plain' | 'fixed' | 'socketio'} dialect
 * @property {'json' | 'msgpack' | 'mixed'} [format] of Ably connections; mixed alternates
 * @property {string} [channel]
 * @property {boolean} [token] connect with a JWT of one's own instead of the key
 * @property {boolean} [polling] Socket.IO as its client connects unless told otherwise: polling first, then the upgrade
 */

/**
 * The dialect of the connection with this index.
 * @param {Speech} speech
 * @param {number} index
 * @returns {Dialect}
 */
export function dialectOf(speech, index) {
  if (speech.dialect === 'socketio') {
    const token = speech.token ? mint(`client-${index}`) : undefined;
    return speech.polling ? pollingSocketio(token) : socketio(token);
  }
  const channel = speech.channel ?? 'bench:room';
  if (speech.dialect !== 'ably') return plain(channel, speech.dialect === 'plain');
  const binary = speech.format === 'msgpack' || (speech.format === 'mixed' && index % 2 === 1);
  return ably(channel, binary, speech.token ? mint(`client-${index}`) : undefined);
}

/**
 * The publish of one message as a ProtocolMessage.
 * @param {string} channel
 * @param {number} msgSerial
 * @param {string} data
 */
const publication = (channel, msgSerial, data) => ({
  action: 15,
  channel,
  msgSerial,
  messages: [{ name: 'm', data }],
});

/**
 * The Ably protocol, version 6: key or token in the query, CONNECTED, ATTACH, ATTACHED, then messages. Echo is on.
 * @param {string} channel
 * @param {boolean} binary
 * @param {string | undefined} token
 * @returns {Dialect}
 */
function ably(channel, binary, token) {
  // The channels of a space are closed to clients without a name, which a token has of its own.
  const credentials = token ? `access_token=${token}` : `key=${keyName}:${keySecret}&clientId=bench`;
  const write = (/** @type {unknown} */ message) => (binary ? encode(message) : JSON.stringify(message));
  const read = (/** @type {Buffer} */ frame) => (binary ? decode(frame) : JSON.parse(frame.toString()));
  return {
    path: `/?${credentials}&format=${binary ? 'msgpack' : 'json'}&v=6&heartbeats=true`,
    opcode: binary ? Opcode.BINARY : Opcode.TEXT,
    readyAtOpen: false,
    ownPayload: true,
    answer(frame) {
      const message = read(frame);
      if (message.action === 4) return { send: write({ action: 10, channel }) };
      if (message.action === 11) return { ready: true };
      if (message.error) throw new Error(`refused: ${JSON.stringify(message.error)}`);
      return {};
    },
    publish: (sequence, data) => write(publication(channel, sequence, data)),
    delivered(frame) {
      const message = read(frame);
      if (message.action !== 15) return [];
      return message.messages.map((/** @type {{ data: unknown }} */ one) => one.data);
    },
  };
}

/**
 * A bare server: every connection is a subscriber, a publish is the same frame as above, and so is a delivery.
 * @param {string} channel
 * @param {boolean} ownPayload
 * @returns {Dialect}
 */
function plain(channel, ownPayload) {
  return {
    ...ably(channel, false, undefined),
    path: '/',
    readyAtOpen: true,
    ownPayload,
  };
}

/**
 * Engine.IO 4 and Socket.IO 5 over one websocket: connect, join the room and have that acknowledged, then events.
 * @param {string | undefined} token
 * @returns {Dialect}
 */
function socketio(token) {
  return {
    path: '/socket.io/?EIO=4&transport=websocket',
    opcode: Opcode.TEXT,
    readyAtOpen: false,
    ownPayload: true,
    answer(frame) {
      const text = frame.toString();
      if (text.startsWith('0')) return { send: `40${token ? JSON.stringify({ token }) : ''}` };
      if (text.startsWith('40')) return { send: '420["join","room"]' };
      if (text.startsWith('430')) return { ready: true };
      throw new Error(`refused: ${text}`);
    },
    publish: (_sequence, data) => `42["publish",{"name":"m","data":${JSON.stringify(data)}}]`,
    delivered(frame) {
      const text = frame.toString();
      return text.startsWith('42') ? [JSON.parse(text.slice(2))[1].data] : [];
    },
  };
}

/**
 * The same as its client connects by default: the session is made and the namespace joined by polling, then a WebSocket is
 * probed and takes over.
 * @param {string | undefined} token
 * @returns {Dialect}
 */
function pollingSocketio(token) {
  const direct = socketio(token);
  return {
    ...direct,
    async begin(port) {
      const base = `http://127.0.0.1:${port}/socket.io/?EIO=4&transport=polling`;
      const { sid } = JSON.parse((await call(base)).slice(1));
      const session = `${base}&sid=${sid}`;
      // The client polls while it posts, and the poll brings the answer.
      const poll = call(session);
      await call(session, `40${token ? JSON.stringify({ token }) : ''}`);
      const joined = await poll;
      if (!joined.startsWith('40')) throw new Error(`refused: ${joined}`);
      return { ...direct, path: `/socket.io/?EIO=4&transport=websocket&sid=${sid}`, ...probing(direct, session) };
    },
  };
}

/**
 * Probes the WebSocket, and lets it take over when the poll that was under way has come back.
 * @param {Dialect} direct
 * @param {string} session
 * @returns {Pick<Dialect, 'greeting' | 'answer'>}
 */
function probing(direct, session) {
  const poll = call(session);
  // A poll that is cut off with its connection is no failure of its own.
  poll.catch(() => {});
  return {
    greeting: '2probe',
    answer(frame) {
      if (frame.toString() !== '3probe') return direct.answer(frame);
      return { sendAfter: poll.then(() => ['5', '420["join","room"]']) };
    },
  };
}

const agent = new Agent({ keepAlive: true });

/**
 * The body of the answer to a GET, or to a POST of this body.
 * @param {string} url
 * @param {string} [body]
 * @returns {Promise<string>}
 */
function call(url, body) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'text/plain;charset=UTF-8' };
    const sent = request(url, { agent, ...(body === undefined ? {} : { method: 'POST', headers }) }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => (text += part));
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(text) : reject(new Error(`polling failed: ${text}`)),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
