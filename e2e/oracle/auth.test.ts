import { randomBytes } from 'node:crypto';
import { createServer as createHttpServer, type Server } from 'node:http';
import type * as Ably from 'ably';
import { afterAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { inState, startOracle, until, ways } from './harness.ts';

const spaceKey = `space.key:${randomBytes(20).toString('hex')}`;
const oracle = await startOracle();
const spaceOracle = await startOracle({
  keys: [{ key: spaceKey, capability: { 'team::*': ['publish', 'subscribe', 'presence', 'history'] } }],
});

/** An auth server of an application: what it answers is what the test says. */
let answer: { type: string; body: string } = { type: 'application/json', body: '' };
const authServer: Server = createHttpServer((_request, response) => {
  response.setHeader('content-type', answer.type);
  response.end(answer.body);
});
await new Promise<void>((resolve) => authServer.listen(0, '127.0.0.1', resolve));
const address = authServer.address();
const authUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/api/ably-token`;
afterAll(() => new Promise<void>((resolve) => authServer.close(() => resolve())));

const connectedAs = async (client: Ably.Realtime) => {
  await inState(client.connection, 'connected');
  return client.auth.clientId;
};

describe.each(ways)('authentication with the official client, %s', (way) => {
  it('[OA1] a key with a clientId acts as that client', async () => {
    expect(await connectedAs(oracle.realtime(way, { clientId: 'ada' }))).toBe('ada');
  });

  it('[OA2] authCallback may give a JWT, a token request or a token', async () => {
    const rest = oracle.rest(way);
    const forms: (() => Promise<string | Ably.TokenRequest | Ably.TokenDetails>)[] = [
      async () => oracle.jwt({ 'x-ably-clientId': 'ada' }),
      () => rest.auth.createTokenRequest({ clientId: 'ada' }),
      () => rest.auth.requestToken({ clientId: 'ada' }),
      async () => (await rest.auth.requestToken({ clientId: 'ada' })).token,
    ];
    for (const form of forms) {
      const client = oracle.realtime(way, {
        authCallback: (_params, callback) => {
          form().then(
            (token) => callback(null, token),
            (error) => callback(error.message, null),
          );
        },
      });
      expect(await connectedAs(client)).toBe('ada');
    }
  });

  it('[OA3] authUrl may answer with a JWT as text, a token request or token details as JSON', async () => {
    const rest = oracle.rest(way);
    const answers = [
      { type: 'application/jwt', body: oracle.jwt({ 'x-ably-clientId': 'ada' }) },
      { type: 'text/plain', body: oracle.jwt({ 'x-ably-clientId': 'ada' }) },
      { type: 'application/json', body: JSON.stringify(await rest.auth.createTokenRequest({ clientId: 'ada' })) },
      { type: 'application/json', body: JSON.stringify(await rest.auth.requestToken({ clientId: 'ada' })) },
    ];
    for (answer of answers) expect(await connectedAs(oracle.realtime(way, { authUrl }))).toBe('ada');
  });

  it('[OA4] a JWT of an unknown key, with a wrong signature or without a signature is refused', async () => {
    const [name = ''] = oracle.key.split(':');
    const none = `${Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT', kid: name })).toString('base64url')}.${Buffer.from(
      JSON.stringify({ iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 60 }),
    ).toString('base64url')}.`;
    for (const [token, codes] of [
      [oracle.jwt({}, { key: 'invalid.invalid:secretsecretsecretsecret' }), [40400]],
      [oracle.jwt({}, { key: `${name}:wrongwrongwrongwrongwrong` }), [40101, 40144]],
      [none, [40144]],
    ] as const) {
      const url = `http://127.0.0.1:${oracle.server.port}/channels/x/messages`;
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${Buffer.from(token).toString('base64')}` },
      });
      expect([401, 404]).toContain(response.status);
      const { error } = (await response.json()) as { error: Ably.ErrorInfo };
      expect(codes).toContain(error.code);
      const { reason } = await inState(oracle.realtime(way, { token }).connection, 'failed');
      expect([...codes, 40171]).toContain(reason?.code);
    }
  });

  it('[OA5] a clientId that is not that of the token fails with 40102', async () => {
    const token = oracle.jwt({ 'x-ably-clientId': 'ada' });
    const url = new URL(`ws://127.0.0.1:${oracle.server.port}/?v=6&format=json&clientId=eve&access_token=${token}`);
    const first = await new Promise<{ action: number; error?: { code: number } }>((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)));
      socket.onerror = reject;
    });
    expect(first).toMatchObject({ action: 9, error: { code: 40102 } });
  });

  it('[OA6] authorize() takes another token on the living connection: same id, new rights, lost channels fail', async () => {
    const client = oracle.realtime(way, {
      authCallback: (_params, callback) => callback(null, oracle.jwt({ 'x-ably-clientId': 'ada' })),
    });
    const kept = client.channels.get('kept');
    const lost = client.channels.get('lost');
    await Promise.all([kept.attach(), lost.attach()]);
    const { id } = client.connection;
    await client.auth.authorize(undefined, {
      authCallback: (_params, callback) =>
        callback(
          null,
          oracle.jwt({ 'x-ably-clientId': 'ada', 'x-ably-capability': JSON.stringify({ kept: ['subscribe'] }) }),
        ),
    });
    const { reason } = await inState(lost, 'failed');
    expect(reason?.code).toBe(40160);
    expect(client.connection.id).toBe(id);
    await until('the modes of the channel that is left', () => kept.modes?.includes('publish') === false);
    await expect(kept.publish('a', 'b')).rejects.toMatchObject({ code: 40160 });
  });

  it('[OA7] authorize() with another clientId fails the connection with 40102', async () => {
    const client = oracle.realtime(way, {
      authCallback: (_params, callback) => callback(null, oracle.jwt({ 'x-ably-clientId': 'ada' })),
    });
    await inState(client.connection, 'connected');
    await client.auth
      .authorize(undefined, {
        authCallback: (_params, callback) => callback(null, oracle.jwt({ 'x-ably-clientId': 'eve' })),
      })
      .catch(() => {});
    const { reason } = await inState(client.connection, 'failed');
    expect(reason?.code).toBe(40102);
  });

  it('[OA8] an anonymous token publishes without a clientId and cannot be present', async () => {
    const client = oracle.realtime(way, {
      authCallback: (_params, callback) => callback(null, oracle.jwt({})),
    });
    const channel = client.channels.get('anonymous');
    await channel.publish('a', 'b');
    await expect(channel.publish({ data: 'x', clientId: 'eve' })).rejects.toMatchObject({ code: 40012 });
    await expect(channel.presence.enterClient('eve')).rejects.toMatchObject({ code: expect.any(Number) });
  });

  it('[OA9] publish, subscribe, presence and history on <space>::* are enough for all of Spaces', async () => {
    const client = spaceOracle.realtime(way, { key: spaceKey, clientId: 'ada' });
    const channel = client.channels.get(`team::${way}::$space`);
    await channel.presence.enter({ a: 1 });
    expect((await channel.presence.get()).length).toBe(1);
    const cursors = client.channels.get(`team::${way}::$cursors`);
    await cursors.publish('cursorUpdate', []);
    expect((await cursors.history()).items.length).toBe(1);
    await expect(client.channels.get('other::$space').attach()).rejects.toMatchObject({ code: 40160 });
  });

  const calls: Record<string, (client: Ably.Realtime) => Promise<unknown>> = {
    publish: (client) => client.channels.get('team::$cursors').publish('cursorUpdate', []),
    subscribe: (client) => client.channels.get('team::$space', { modes: ['SUBSCRIBE'] }).attach(),
    presence: (client) => client.channels.get('team::$space', { modes: ['SUBSCRIBE', 'PRESENCE'] }).presence.enter(),
    history: (client) => client.channels.get('team::$cursors').history(),
  };

  it.each(Object.keys(calls))(
    '[OA10] without %s the call that needs it fails with 40160, and all others work',
    async (missing) => {
      const rights = Object.keys(calls).filter((operation) => operation !== missing);
      for (const [operation, call] of Object.entries(calls)) {
        const client = spaceOracle.realtime(way, {
          authCallback: (_params, callback) =>
            callback(
              null,
              spaceOracle.jwt(
                { 'x-ably-clientId': 'ada', 'x-ably-capability': JSON.stringify({ 'team::*': rights }) },
                { key: spaceKey },
              ),
            ),
        });
        const outcome = await call(client).then(
          () => undefined,
          (error: Ably.ErrorInfo) => error.code,
        );
        expect([operation, outcome]).toEqual([operation, operation === missing ? 40160 : undefined]);
      }
    },
  );
});
