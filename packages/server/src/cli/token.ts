import { issueJwt, parseKey } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import { settingsOf } from '../config.ts';
import type { Command } from './command.ts';
import { DEV_APP } from './devRules.ts';
import { type GivenFlags, lastOf } from './flags.ts';
import { capabilityOf } from './keys.ts';
import { environmentLayer, fileLayer } from './layers.ts';
import type { Terminal } from './terminal.ts';

/** `parvis token`: a JWT for one client, signed here; the server is not asked. */
export const token: Command = {
  name: 'token',
  summary: 'make a JWT for a clientId',
  description: [
    'Prints a token that a client can connect with. The key is the first of PARVIS_KEYS unless --key gives one.',
  ],
  flags: [
    { name: 'client-id', placeholder: 'NAME', help: 'who the client is; * may be anybody' },
    { name: 'key', placeholder: 'KEY', help: 'API key that signs, appId.keyId:secret' },
    { name: 'ttl', placeholder: 'TIME', help: 'how long it is good for: 90s, 15m, 24h [1h]' },
    { name: 'space', placeholder: 'NAME', help: 'limit it to a space (repeats)' },
    { name: 'capability', placeholder: 'JSON', help: 'what it may do, as far as the key may [all of the key]' },
    { name: 'config', placeholder: 'FILE', help: 'JSON file of settings, for its key (PARVIS_CONFIG)' },
  ],
  async run(given, terminal) {
    const clientId = lastOf(given, 'client-id');
    if (clientId === undefined) throw errors.badRequest('--client-id is needed: who is the client?');
    const key = keyOf(given, terminal);
    const capability = capabilityOf(given);
    const ttlMs = ttlOf(lastOf(given, 'ttl') ?? '1h');
    terminal.print(await issueJwt({ key, clientId, ttlMs, ...(capability === undefined ? {} : { capability }) }));
    return 0;
  },
};

function keyOf(given: GivenFlags, { environment, complain }: Terminal): string {
  const key = lastOf(given, 'key');
  if (key !== undefined) {
    if (parseKey(key).appId !== DEV_APP) {
      complain('parvis: warning: --key shows a secret in the list of processes: use PARVIS_KEYS or --config');
    }
    return key;
  }
  const file = lastOf(given, 'config') ?? environment.PARVIS_CONFIG;
  const layers = [...(file ? [fileLayer(file)] : []), environmentLayer(environment)];
  const { keys, apps } = settingsOf(...layers.map(({ layer }) => layer));
  const first = keys[0] ?? apps[0]?.keys[0];
  if (first === undefined) throw errors.badCredentials('no key to sign with: set PARVIS_KEYS, --config or --key');
  return first.key;
}

const unitsMs = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
]);

function ttlOf(text: string): number {
  const [, count, unit = 's'] = /^(\d{1,9})([smh])?$/.exec(text) ?? [];
  if (count === undefined) throw errors.badParameter('--ttl', 'it looks like 90s, 15m or 24h');
  return Number(count) * (unitsMs.get(unit) ?? 1_000);
}
