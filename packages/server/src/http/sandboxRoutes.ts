import { errors } from '@parvis/protocol';
import type { Key, Namespace } from '../access/app.ts';
import { type AppSpec, parseAppSpec } from './appSpec.ts';
import type { Exchange } from './exchange.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';
import type { Sandbox, SandboxApp } from './sandbox.ts';
import { parseStatsFixtures } from './statsFixture.ts';

/** Provisioning of test apps, on a development server that was started as a sandbox (protocol reference 9). */
export function sandboxRoutes(sandbox: Sandbox): readonly Route[] {
  return [
    { method: 'POST', pattern: '/apps', answer: (exchange) => create(sandbox, exchange) },
    { method: 'DELETE', pattern: '/apps/{appId}', answer: (exchange) => remove(sandbox, exchange) },
    { method: 'POST', pattern: '/stats', answer: takeStats },
  ];
}

async function create(sandbox: Sandbox, exchange: Exchange): Promise<Reply> {
  const spec = parseAppSpec((await exchange.body()).value);
  const made = await sandbox.create(spec);
  return { status: 201, body: { ...appDetails(made, spec), ...addressOf(exchange) } };
}

/** With any key of the app itself; 40400 for another app, which is not to be told from none. */
async function remove(sandbox: Sandbox, exchange: Exchange): Promise<Reply> {
  const { app } = await exchange.authenticateKey();
  if (app.id !== exchange.param('appId') || !(await sandbox.remove(app.id))) throw errors.notFound('app');
  return { status: 204 };
}

/** Sets minutes of statistics of the app whose key it is. */
async function takeStats(exchange: Exchange): Promise<Reply> {
  const { app } = await exchange.authenticateKey();
  await exchange.host.stats.addFixtures(app.id, parseStatsFixtures((await exchange.body()).value));
  return { status: 201, body: {} };
}

function appDetails({ app, keys, created }: SandboxApp, spec: AppSpec) {
  const times = { created, modified: created };
  return {
    appId: app.id,
    id: app.id,
    accountId: 'sandbox',
    status: 'enabled',
    tlsOnly: false,
    labels: '',
    connections: 0,
    ...times,
    keys: keys.map((key, index) => ({ ...keyDetails(key, spec.keys[index]?.capability ?? ''), ...times })),
    namespaces: spec.namespaces.map((namespace: Namespace) => ({ ...namespace, ...times })),
    channels: spec.channels.map(({ name }) => ({ name })),
  };
}

function keyDetails({ name, secret, revocableTokens }: Key, capability: string) {
  const text = `${name}:${secret}`;
  return {
    id: name.slice(name.indexOf('.') + 1),
    keyName: name,
    keySecret: secret,
    keyStr: text,
    value: text,
    capability,
    status: 0,
    revocableTokens,
    expires: 0,
  };
}

/** Where clients reach this server: as whoever asked did. */
function addressOf({ request, secure }: Exchange) {
  const [, endpoint = '127.0.0.1', port] = /^\[?([^\]]+?)\]?(?::(\d+))?$/.exec(request.headers.host ?? '') ?? [];
  return { endpoint, port: port === undefined ? request.socket.localPort : Number(port), tls: secure };
}
