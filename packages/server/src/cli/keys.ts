import { Capability, defaultCapability, formatKey, generateKey, spaceCapability } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import type { Command } from './command.ts';
import { type GivenFlags, isOn, lastOf } from './flags.ts';

/** `parvis keys create`: a new key, with no more rights than Spaces and ordinary channels need. */
export const keysCreate: Command = {
  name: 'keys create',
  summary: 'make an API key',
  description: [
    'Prints a new key and how to configure it; nothing is stored. It may publish, subscribe, be present and read history',
    'everywhere, or with --space in that space alone.',
  ],
  flags: [
    { name: 'space', placeholder: 'NAME', help: 'limit it to a space (repeats)' },
    { name: 'capability', placeholder: 'JSON', help: 'what it may do instead, from resource to operations' },
    { name: 'app', placeholder: 'ID', help: 'app that gets the key; a new one unless given' },
    { name: 'json', placeholder: '', help: 'print one line of JSON' },
  ],
  async run(given, terminal) {
    const key = formatKey(generateKey(appOf(given)));
    const capability: unknown = JSON.parse(capabilityOf(given)?.text ?? defaultCapability.text);
    const configured = { key, capability };
    if (isOn(given, 'json')) {
      terminal.print(JSON.stringify(configured));
      return 0;
    }
    terminal.print(`${terminal.bold(key)}

Keep it secret, and give it to the server in its environment:

  PARVIS_KEYS='${JSON.stringify([configured])}'

or in a file for parvis start --config:

  ${JSON.stringify({ keys: [configured] })}`);
    return 0;
  },
};

/** What the flags `--space` and `--capability` grant; undefined where there is neither. Throws 40000 for both or a bad one. */
export function capabilityOf(given: GivenFlags): Capability | undefined {
  const spaces = given.get('space');
  const text = lastOf(given, 'capability');
  if (spaces !== undefined && text !== undefined) {
    throw errors.badRequest('give either --space or --capability');
  }
  if (text !== undefined) return Capability.parse(text);
  return spaces === undefined ? undefined : spaceCapability(...spaces);
}

function appOf(given: GivenFlags): string | undefined {
  const app = lastOf(given, 'app');
  if (app === undefined || /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/.test(app)) return app;
  throw errors.badParameter('--app', 'it must be letters, digits, _ and -');
}
