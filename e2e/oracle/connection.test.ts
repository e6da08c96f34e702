import Spaces from '@ably/spaces';
import { afterAll, describe, expect, it } from 'vitest';
import { CutProxy } from './cutProxy.ts';
import { inState, startOracle, until, ways } from './harness.ts';

const oracle = await startOracle();
const brief = await startOracle({ limits: { connectionStateTtlMs: 1_000, maxIdleIntervalMs: 5_000 } });
const proxy = await CutProxy.to(oracle.server.port);
const briefProxy = await CutProxy.to(brief.server.port);
afterAll(() => Promise.all([proxy.close(), briefProxy.close()]));

// In Node's own ES modules the official package's default export is a wrapper; bundlers and this runner unwrap it or not.
const OfficialSpaces = (Spaces as unknown as { default?: typeof Spaces }).default ?? Spaces;

describe.each(ways)('connection states with the official client, %s', (way) => {
  it('[OC1] spaces.connection goes through every state, observed by `on` and triggered by connect, close and ping', async () => {
    const client = oracle.realtime(way, { clientId: 'ada', autoConnect: false, port: proxy.port });
    const { connection } = new OfficialSpaces(client);
    expect(connection).toBe(client.connection);
    const seen: string[] = [];
    connection.on((change) => seen.push(change.current));
    expect(connection.state).toBe('initialized');
    connection.connect();
    await inState(connection, 'connected');
    expect(await connection.ping()).toBeGreaterThanOrEqual(0);
    proxy.cut();
    await inState(connection, 'disconnected');
    await inState(connection, 'connected');
    connection.close();
    await inState(connection, 'closed');
    connection.connect();
    await inState(connection, 'connected');
    expect(seen).toEqual([
      'connecting',
      'connected',
      'disconnected',
      'connecting',
      'connected',
      'closing',
      'closed',
      'connecting',
      'connected',
    ]);
  });

  it('[OC2] a connection that cannot come back is suspended after the state ttl, and gets a new id when it can', async () => {
    const client = brief.realtime(way, {
      clientId: 'ada',
      port: briefProxy.port,
      disconnectedRetryTimeout: 200,
      suspendedRetryTimeout: 200,
    });
    await inState(client.connection, 'connected');
    const { id } = client.connection;
    briefProxy.refusing = true;
    briefProxy.cut();
    await inState(client.connection, 'suspended', 15_000);
    briefProxy.refusing = false;
    const change = await inState(client.connection, 'connected', 15_000);
    expect(client.connection.id).not.toBe(id);
    expect(change.reason?.code).toBe(80008);
  });

  it('[OC3] a wrong key fails the connection with 40101', async () => {
    const client = oracle.realtime(way, { key: 'this.is:wrong' });
    const { reason } = await inState(client.connection, 'failed');
    expect(reason).toMatchObject({ code: 40101, statusCode: 401 });
  });

  it('[OC4] after a cut the connection keeps its id and a new key', async () => {
    const client = oracle.realtime(way, { port: proxy.port });
    await inState(client.connection, 'connected');
    const { id, key } = client.connection;
    proxy.cut();
    await inState(client.connection, 'disconnected');
    await inState(client.connection, 'connected');
    expect(client.connection.id).toBe(id);
    expect(client.connection.key).not.toBe(key);
  });

  it('[OC5] a client can recover the connection of another instance', async () => {
    const first = oracle.realtime(way, { port: proxy.port });
    const channel = first.channels.get('recovered');
    await channel.attach();
    const { id } = first.connection;
    const recoveryKey = first.connection.createRecoveryKey() ?? '';
    proxy.refusing = true;
    proxy.cut();
    await inState(first.connection, 'disconnected');
    await oracle.rest(way).channels.get('recovered').publish('missed', 'while away');
    proxy.refusing = false;
    const second = oracle.realtime(way, { recover: recoveryKey });
    const received: unknown[] = [];
    const again = second.channels.get('recovered');
    await again.subscribe((message) => received.push(message.data));
    await until('the missed message', () => received.length > 0);
    expect(received).toEqual(['while away']);
    expect(second.connection.id).toBe(id);
  });

  it('[OC6] a recovery key that is no key makes a new connection and says 80018', async () => {
    const client = oracle.realtime(way, {
      recover: JSON.stringify({ connectionKey: '_____!ablyjs_test_fake-key____', msgSerial: 3, channelSerials: {} }),
    });
    const { reason } = await inState(client.connection, 'connected');
    expect(reason?.code).toBe(80018);
    expect(client.connection.key).toMatch(/^[\w!-]+$/);
  });

  it('[OC7] a Spaces client without a clientId fails with 40012, a plain client does not', async () => {
    const client = oracle.realtime(way);
    const spaces = new OfficialSpaces(client);
    const { reason } = await inState(spaces.connection, 'failed');
    expect(reason?.code).toBe(40012);
    await inState(oracle.realtime(way).connection, 'connected');
  });
});
