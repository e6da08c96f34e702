import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatKey, generateKey } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import { settingsOf } from '../config.ts';
import { createServer, type ParvisServer } from '../server.ts';
import type { Settings } from '../settings/settings.ts';
import type { Command } from './command.ts';
import { DEV_APP, isLoopback } from './devRules.ts';
import { isOn } from './flags.ts';
import { configuredLayers } from './layers.ts';
import { serve } from './serve.ts';
import type { Terminal } from './terminal.ts';

/** `parvis dev`: the service for one developer, on this machine alone, with a key and the demo. */
export const dev: Command = {
  name: 'dev',
  summary: 'run the service and its demo on this machine, for development',
  description: [
    'Listens on loopback only and stores nothing. Makes a key for this run unless --key gives one, and serves the demo,',
    'its token endpoint /api/token and the scripts of /cdn.',
  ],
  flags: [
    { name: 'config', placeholder: 'FILE', help: 'JSON file of settings (PARVIS_CONFIG)' },
    { name: 'json', placeholder: '', help: 'say where it listens in one line of JSON' },
  ],
  defaults: new Map<string, unknown>([
    ['demo', true],
    ['logLevel', 'warn'],
  ]),
  async run(given, terminal) {
    const layers = configuredLayers(given, terminal.environment);
    const settings = settingsOf(this.defaults ?? new Map(), siteLayer(), ...layers.map(({ layer }) => layer));
    if (!isLoopback(settings.host)) {
      throw errors.badParameter(
        'host',
        '`parvis dev` listens on loopback only; use `parvis start` for other addresses',
      );
    }
    const isKeyless = settings.keys.length === 0 && settings.apps.length === 0;
    const keys = isKeyless ? [{ key: formatKey(generateKey(DEV_APP)) }] : settings.keys;
    const server = createServer({ ...settings, keys });
    const key = keys[0]?.key ?? settings.apps[0]?.keys[0]?.key ?? '';
    const started: Started = { server, settings, key };
    return serve(server, terminal, () =>
      isOn(given, 'json') ? printJson(started, terminal) : printWelcome(started, terminal),
    );
  },
};

interface Started {
  readonly server: ParvisServer;
  readonly settings: Settings;
  readonly key: string;
}

/** The demo as it was built beside this file. */
function siteLayer(): ReadonlyMap<string, unknown> {
  const site = fileURLToPath(new URL('./public', import.meta.url));
  return new Map(existsSync(site) ? [['publicDir', site]] : []);
}

function printJson({ server, settings, key }: Started, terminal: Terminal): void {
  const { url, port } = server;
  const { host, sandbox } = settings;
  const demo = settings.publicDir === undefined ? {} : { demo: `${url}/` };
  const tls = url.startsWith('https:');
  terminal.print(JSON.stringify({ url, endpoint: host, port, tls, key, ...demo, sandbox, pid: process.pid }));
}

function printWelcome({ server, settings, key }: Started, { print, bold }: Terminal): void {
  const { url, port } = server;
  const tls = url.startsWith('https:');
  const { host, sandbox, publicDir } = settings;
  print(`${bold('Parvis')} listens on ${bold(url)}, for this machine only\n`);
  print(`  demo       ${publicDir === undefined ? 'not built; run npm run build' : bold(`${url}/`)}`);
  print(`  endpoint   ${host}, ${tls ? 'tlsPort' : 'port'} ${port}, tls ${tls}`);
  print(`  key        ${key}`);
  if (sandbox) print(`  sandbox    POST ${url}/apps`);
  print(`
  new Ably.Realtime({
    key: '${key}', clientId: 'me',
    endpoint: '${host}', ${tls ? 'tlsPort' : 'port'}: ${port}, tls: ${tls},
  });

Nothing is stored. Ctrl+C ends it.`);
}
