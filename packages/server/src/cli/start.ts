import { parseKey } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import { settingsOf } from '../config.ts';
import { createServer } from '../server.ts';
import type { Settings } from '../settings/settings.ts';
import type { Command } from './command.ts';
import { DEV_APP, isLoopback } from './devRules.ts';
import { configuredLayers } from './layers.ts';
import { serve } from './serve.ts';

/** `parvis start`: the service as it runs in production. Needs keys of its own making, and takes none that `dev` made. */
export const start: Command = {
  name: 'start',
  summary: 'run the service in production, with configured keys',
  description: [
    'Runs the service until SIGTERM or SIGINT, then drains it. Logs JSON lines. Needs keys: make one with',
    '`parvis keys create` and put it into PARVIS_KEYS or a config file.',
  ],
  flags: [{ name: 'config', placeholder: 'FILE', help: 'JSON file of settings (PARVIS_CONFIG)' }],
  // Everybody may connect to a service; `::` is IPv4 as well.
  defaults: new Map<string, unknown>([
    ['host', '::'],
    ['drainMs', 5_000],
  ]),
  async run(given, terminal) {
    const layers = configuredLayers(given, terminal.environment);
    const settings = settingsOf(this.defaults ?? new Map(), ...layers.map(({ layer }) => layer));
    assertProduction(settings);
    const server = createServer(settings);
    for (const warning of layers.flatMap(({ warnings }) => warnings)) terminal.complain(`parvis: warning: ${warning}`);
    if (isExposed(settings)) {
      terminal.complain(
        'parvis: warning: keys and tokens travel in the clear: set --tls-cert, or --trust-proxy behind TLS',
      );
    }
    return serve(server, terminal, () => {});
  },
};

/** Throws 40005 without keys or with one of development, 40003 for what only development may switch on. */
function assertProduction(settings: Settings): void {
  const { keys, apps } = settings;
  if (keys.length === 0 && apps.length === 0) {
    throw errors.badCredentials('no keys are configured: make one with `parvis keys create` and set PARVIS_KEYS');
  }
  const ofDev = [...keys, ...apps.flatMap((app) => app.keys)].find(({ key }) => parseKey(key).appId === DEV_APP);
  if (ofDev !== undefined) {
    throw errors.badCredentials(
      'the key is one of `parvis dev`, which others have seen: make one with `parvis keys create`',
    );
  }
  for (const name of ['demo', 'sandbox', 'testHooks', 'insecureJwks'] as const) {
    if (settings[name]) throw errors.badParameter(name, 'it is for development: use `parvis dev`');
  }
}

function isExposed({ host, tls, trustProxy }: Settings): boolean {
  return tls.cert === undefined && !trustProxy && !isLoopback(host);
}
