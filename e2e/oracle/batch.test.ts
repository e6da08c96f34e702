import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type * as Ably from 'ably';
import { afterAll, describe, expect, it } from 'vitest';
import { TestIssuer } from '../../packages/server/test/testIssuer.ts';
import { eventually, formats, inState, startOracle } from './harness.ts';

const revocableKey = `rev${randomBytes(3).toString('hex')}.key:${randomBytes(20).toString('hex')}`;
const partKey = `part${randomBytes(3).toString('hex')}.key:${randomBytes(20).toString('hex')}`;

const issuer = await new TestIssuer('https://idp.example/').addKey('k1', 'ES256');
const web: Server = createServer((_request, response) => response.end(issuer.jwks));
await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
afterAll(async () => {
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
});

const oracle = await startOracle({
  keys: [
    { key: revocableKey, revocableTokens: true },
    { key: partKey, capability: { 'open:*': ['*'], read: ['subscribe'] } },
  ],
  insecureJwks: true,
  issuers: [
    {
      issuer: issuer.issuer,
      jwks: `http://127.0.0.1:${(web.address() as AddressInfo).port}/jwks.json`,
      key: revocableKey.split(':')[0] ?? '',
      algorithms: ['ES256'],
      clientIdClaim: 'user.id',
    },
  ],
});

const stateChange = (client: Ably.Realtime, state: Ably.ConnectionState) =>
  eventually<Ably.ConnectionStateChange>(state, (resolve) => client.connection.once(state, resolve));

describe.each(formats)('with the official client, %s', (format) => {
  it('[BA1] a batch is published on many channels, and its parts are told apart', async () => {
    const rest = oracle.rest(format, { key: partKey });
    const specs = [
      { channels: ['open:1', 'read'], messages: [{ name: 'n', data: { x: [1, 'é'] } }, { data: 'text' }] },
      { channels: ['open:2'], messages: [{ data: 'text' }] },
    ];
    const [mixed, good] = await rest.batchPublish(specs as Ably.BatchPublishSpec[]);
    expect(mixed).toMatchObject({ successCount: 1, failureCount: 1 });
    expect(mixed?.results[1]).toMatchObject({ channel: 'read', error: { code: 40160 } });
    expect(good).toMatchObject({ successCount: 1, failureCount: 0 });
    const { items } = await rest.channels.get('open:1').history({ limit: 2, direction: 'backwards' });
    // The client encodes nothing of a batch: data goes out as it is.
    expect(items.map(({ name, data }) => [name, data])).toEqual([
      [undefined, 'text'],
      ['n', { x: [1, 'é'] }],
    ]);
    const one = await rest.batchPublish({ channels: ['open:3'], messages: [{ data: 'x' }] });
    expect(one).toMatchObject({ successCount: 1, results: [{ channel: 'open:3', messageId: expect.any(String) }] });
  });

  it('[BA5] presence of many channels is read at once', async () => {
    const name = `open:presence-${format}`;
    const realtime = oracle.realtime(format, { key: partKey, clientId: 'ada' });
    await realtime.channels.get(name).presence.enter({ here: true });
    const rest = oracle.rest(format, { key: partKey });
    // The types of the client promise a list; it gives what the service does.
    const result = (await rest.batchPresence([name, 'open:empty', 'closed'])) as unknown as {
      readonly results: readonly object[];
    };
    expect(result).toMatchObject({ successCount: 2, failureCount: 1 });
    expect(result.results[0]).toMatchObject({ channel: name, presence: [{ clientId: 'ada', action: 1 }] });
    expect(result.results[2]).toMatchObject({ channel: 'closed', error: { code: 40160 } });
  });

  it.each([
    ['2', true],
    ['3', false],
  ] as const)('[BA3] request() of version %s gets the reply of that version', async (version, isFlat) => {
    const rest = oracle.rest(format, { key: partKey });
    const body = { channels: ['open:1', 'open:2'], messages: { data: 'x' } };
    const page = await rest.request('post', '/messages', Number(version), {}, body, {});
    expect([page.success, page.statusCode, page.items.length]).toEqual([true, 201, isFlat ? 2 : 1]);
    const failed = await rest.request(
      'post',
      '/messages',
      Number(version),
      {},
      { ...body, channels: ['open:1', 'read'] },
      {},
    );
    expect([failed.success, failed.statusCode, failed.errorCode]).toEqual(
      isFlat ? [false, 400, 40020] : [true, 201, null],
    );
  });

  it('[attack 29] revoking tells the connections of a client 40141, and they come back with a new token', async () => {
    const rest = oracle.rest(format, { key: revocableKey });
    const clientId = `ann-${format}`;
    const client = oracle.realtime(format, {
      authCallback: (_params, callback) => {
        rest.auth.requestToken({ clientId }).then(
          (token) => callback(null, token),
          (error) => callback(error, null),
        );
      },
    });
    await inState(client.connection, 'connected');
    const connectionId = client.connection.id;
    const dropped = stateChange(client, 'disconnected');
    const specifiers = [
      { type: 'clientId', value: clientId },
      { type: 'invalidType', value: 'abc' },
    ];
    const result = await rest.auth.revokeTokens(specifiers as Ably.TokenRevocationTargetSpecifier[]);
    expect(result).toMatchObject({ successCount: 1, failureCount: 1 });
    expect((await dropped).reason?.code).toBe(40141);
    await inState(client.connection, 'connected');
    expect(client.connection.id).toBe(connectionId);
  });

  it('[attack 29] with a margin the client fetches a new token and stays connected', async () => {
    const rest = oracle.rest(format, { key: revocableKey });
    const clientId = `bob-${format}`;
    let issued = 0;
    const client = oracle.realtime(format, {
      authCallback: (_params, callback) => {
        issued += 1;
        rest.auth.requestToken({ clientId }).then(
          (token) => callback(null, token),
          (error) => callback(error, null),
        );
      },
    });
    await inState(client.connection, 'connected');
    const updated = eventually('update', (resolve) => client.connection.once('update', resolve));
    const target: Ably.TokenRevocationTargetSpecifier = { type: 'clientId', value: clientId };
    const asked = await rest.auth.revokeTokens([target], { allowReauthMargin: true });
    expect(asked.results[0]).toMatchObject({ target: `clientId:${clientId}`, appliesAt: expect.any(Number) });
    await updated;
    expect(issued).toBe(2);
  });

  it('[JI1] a token of a configured issuer connects, publishes and is renewed', async () => {
    let issued = 0;
    const client = oracle.realtime(format, {
      authCallback: (_params, callback) => {
        issued += 1;
        issuer.sign('k1', { user: { id: 'idp|7' }, jti: issued }).then(
          (token) => callback(null, token),
          (error) => callback(error.message, null),
        );
      },
    });
    await inState(client.connection, 'connected');
    expect(client.auth.clientId).toBe('idp|7');
    const channel = client.channels.get(`idp-${format}`);
    const arrived = eventually<Ably.Message>('message', (resolve) => channel.subscribe(resolve));
    await channel.attach();
    await channel.publish('n', 'hello');
    expect(await arrived).toMatchObject({ data: 'hello', clientId: 'idp|7' });
    await client.auth.authorize();
    expect([issued, client.connection.state]).toEqual([2, 'connected']);
  });
});
