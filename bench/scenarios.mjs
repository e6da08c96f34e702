import { measureColdStart, measureNode } from './coldStart.mjs';

/**
 * One server as one scenario meets it.
 * @typedef {object} Variant
 * @property {string} label column text; `ours` is the server under test
 * @property {string} server file in bench/servers
 * @property {(context: Context) => object} [options] of that server
 * @property {import('./load/dialects.mjs').Speech} speech
 */

/**
 * What a measurement may use. `frame` is the delivery that the server under test made last, for references that repeat it.
 * @typedef {object} Context
 * @property {boolean} quick
 * @property {(variant: Variant) => Promise<import('./processes.mjs').ServerProcess>} server started once a scenario
 * @property {import('./processes.mjs').LoadProcess} load
 * @property {string} [frame]
 */

/**
 * What must hold: of ours alone, or of ours against one reference. `gain` is reference / ours (or its inverse where more
 * is better), `cost` is ours / reference.
 * @typedef {{ of: 'ours', atMost: number } | { of: 'gain', atLeast: number } | { of: 'cost', atMost: number }} Target
 */

/**
 * @typedef {object} Scenario
 * @property {string} name for --only and the record
 * @property {string} title
 * @property {string} unit of each variant's value
 * @property {'less' | 'more'} better
 * @property {number} rounds
 * @property {Variant[]} variants the first is ours
 * @property {string} against label of the reference that the ratio is taken to
 * @property {'gain' | 'cost'} ratio
 * @property {Target} [target]
 * @property {(context: Context, variant: Variant) => Promise<{ value: number } & Record<string, any>>} measure
 */

const room = 'bench:room';
/** @type {Variant} */
const ours = { label: 'ours', server: 'parvis', speech: { dialect: 'ably', format: 'json', channel: room } };
/** @type {Variant} */
const socketio = { label: 'Socket.IO', server: 'socketio', speech: { dialect: 'socketio' } };
const sameBytes = (/** @type {Context} */ { frame }) => (frame ? { frame } : {});
/** @type {Variant} */
const ws = { label: 'ws', server: 'ws', options: sameBytes, speech: { dialect: 'plain', channel: room } };
/** @type {Variant} */
const net = { label: 'net', server: 'net', options: sameBytes, speech: { dialect: 'fixed', channel: room } };

/**
 * @param {number} subscribers
 * @param {number} inFlight
 */
function fanOut(subscribers, inFlight) {
  return async (/** @type {Context} */ context, /** @type {Variant} */ variant) => {
    const { port, pid } = await context.server(variant);
    const { frame, ...result } = await context.load.run('fanOut', {
      port,
      pid,
      speech: variant.speech,
      subscribers,
      inFlight,
      drainMs: inFlight > 1 ? 10 : 0,
      warmMs: context.quick ? 300 : 500,
      windowMs: context.quick ? 500 : 1_200,
    });
    if (variant.label === 'ours') context.frame = frame;
    return { value: result.microsPerDelivery, ...result };
  };
}

/** @param {Context} context @param {Variant} variant */
async function liveCursors(context, variant) {
  const { port, pid } = await context.server(variant);
  const { frame, ...result } = await context.load.run('cursors', {
    port,
    pid,
    speech: variant.speech,
    members: 50,
    hertz: 40,
    warmMs: 500,
    windowMs: context.quick ? 600 : 1_200,
  });
  if (variant.label === 'ours') context.frame = frame;
  return { value: result.microsPerDelivery, ...result };
}

/** @param {Context} context @param {Variant} variant */
async function connectStorm(context, variant) {
  const { port, pid } = await context.server(variant);
  const isSlow = context.quick || variant.speech.polling === true;
  const [count, rehearsals] = isSlow ? [500, 1] : [3_000, 5];
  const job = { port, pid, speech: variant.speech, rehearsals, warm: 200, count, atOnce: 64 };
  const result = await context.load.run('storm', job);
  // By the server's own time: on a machine of two cores the load generator may be the one that has no more.
  return { value: 1e6 / result.microsPerConnect, ...result };
}

/** @param {Context} context @param {Variant} variant */
async function idleMemory(context, variant) {
  const server = await context.server(variant);
  const { port, pid } = server;
  const count = context.quick ? 1_000 : 5_000;
  // A first crowd loads and compiles what a connection needs, so that only connections are left in the difference.
  await context.load.run('hold', { port, pid, speech: variant.speech, count: 200 });
  await context.load.run('release', {});
  const before = await server.rss();
  await context.load.run('hold', { port, pid, speech: variant.speech, count });
  const after = await server.rss();
  await context.load.run('release', {});
  return { value: (after - before) / 1024 / count, connections: count, rssMb: after / 1024 / 1024 };
}

const token = { dialect: /** @type {const} */ ('ably'), channel: room, token: true };

/** @type {Scenario[]} */
export const scenarios = [
  {
    name: 'fan-out-100',
    title: 'fan-out 1 to 100, 48 in flight',
    unit: 'us/delivery',
    better: 'less',
    rounds: 3,
    variants: [ours, socketio, ws, net],
    against: 'Socket.IO',
    ratio: 'gain',
    measure: fanOut(100, 48),
  },
  {
    name: 'fan-out-1000',
    title: 'fan-out 1 to 1,000, 48 in flight',
    unit: 'us/delivery',
    better: 'less',
    rounds: 3,
    variants: [ours, socketio, ws, net],
    against: 'Socket.IO',
    ratio: 'gain',
    target: { of: 'gain', atLeast: 15 },
    measure: fanOut(1_000, 48),
  },
  {
    name: 'fan-out-100-single',
    title: 'fan-out 1 to 100, 1 in flight',
    unit: 'us/delivery',
    better: 'less',
    rounds: 9,
    variants: [ours, net, socketio, ws],
    against: 'net',
    ratio: 'cost',
    target: { of: 'cost', atMost: 1.4 },
    measure: fanOut(100, 1),
  },
  {
    name: 'fan-out-1000-single',
    title: 'fan-out 1 to 1,000, 1 in flight',
    unit: 'us/delivery',
    better: 'less',
    rounds: 3,
    variants: [ours, net, socketio, ws],
    against: 'net',
    ratio: 'cost',
    measure: fanOut(1_000, 1),
  },
  {
    name: 'cursors',
    title: 'live cursors 50 x 50 at 40/s',
    unit: 'us/delivery',
    better: 'less',
    rounds: 3,
    variants: [
      { ...ours, speech: { dialect: 'ably', format: 'json', channel: 'bench::$cursors' } },
      { ...ws, speech: { dialect: 'plain', channel: 'bench::$cursors' } },
    ],
    against: 'ws',
    ratio: 'cost',
    target: { of: 'cost', atMost: 0.4 },
    measure: liveCursors,
  },
  {
    name: 'formats',
    title: 'half JSON half msgpack, 1 to 1,000, 48 in flight',
    unit: 'us/delivery',
    better: 'less',
    rounds: 5,
    variants: [
      { ...ours, speech: { dialect: 'ably', format: 'mixed', channel: room } },
      { ...ours, label: 'JSON alone' },
    ],
    against: 'JSON alone',
    ratio: 'cost',
    target: { of: 'cost', atMost: 1.15 },
    measure: fanOut(1_000, 48),
  },
  {
    name: 'connects',
    title: 'connect and attach, each with its JWT',
    unit: '/s per core',
    better: 'more',
    rounds: 3,
    variants: [
      { ...ours, speech: token },
      { ...socketio, options: () => ({ check: true }), speech: { dialect: 'socketio', token: true } },
      {
        ...socketio,
        label: 'Socket.IO by default',
        options: () => ({ check: true, polling: true }),
        speech: { dialect: 'socketio', token: true, polling: true },
      },
    ],
    against: 'Socket.IO',
    ratio: 'gain',
    target: { of: 'gain', atLeast: 2 },
    measure: connectStorm,
  },
  {
    name: 'idle-memory',
    title: 'idle memory, 5,000 attached',
    unit: 'KB/connection',
    better: 'less',
    rounds: 1,
    variants: [ours, socketio],
    against: 'Socket.IO',
    ratio: 'cost',
    target: { of: 'ours', atMost: 12 },
    measure: idleMemory,
  },
  {
    name: 'cold-start',
    title: 'cold start of `parvis start` to listening',
    unit: 'ms',
    better: 'less',
    rounds: 7,
    variants: [ours, { label: 'node -e 0', server: '', speech: { dialect: 'plain' } }],
    against: 'node -e 0',
    ratio: 'cost',
    target: { of: 'ours', atMost: 500 },
    measure: async (_context, variant) => ({
      value: variant.label === 'ours' ? await measureColdStart() : await measureNode(),
    }),
  },
];
