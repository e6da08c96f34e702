import { ErrorInfo } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { parseFlags } from '../cli/flags.ts';
import { helpOf } from '../cli/help.ts';
import { environmentLayer, flagLayer } from '../cli/layers.ts';
import { commands, flagsOf } from '../cli/run.ts';
import { type Layer, layerOf, settingsOf } from '../config.ts';
import { defaultLimits } from '../limits.ts';
import { type Entry, entries } from './entries.ts';

const key = 'app.key:secret-of-more-than-sixteen-bytes';

/** A value other than the initial one, as text and as what it comes to. */
function sampleOf({ path, setting }: Entry): { text: string; value: unknown } {
  const { placeholder, initial } = setting;
  if (path === 'keys') return { text: key, value: [{ key }] };
  if (path === 'apps') {
    const value = { id: 'app', keys: [{ key }], namespaces: [] };
    return { text: JSON.stringify(value), value: [value] };
  }
  if (path === 'issuers') {
    const value = { issuer: 'https://a.example/', jwks: 'https://a.example/jwks.json', key: 'app.key' };
    return { text: JSON.stringify(value), value: [value] };
  }
  if (path === 'allowedOrigins') return { text: 'https://a.example', value: ['https://a.example'] };
  if (path === 'logLevel') return { text: 'debug', value: 'debug' };
  if (placeholder === '') return { text: String(!initial), value: !initial };
  if (placeholder === 'N') return { text: String(Number(initial) + 1), value: Number(initial) + 1 };
  const text = 'text of more than thirty-two characters';
  return { text, value: text };
}

/** An object in which the value stands at the path. */
function nested(path: string, value: unknown): object {
  return path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

const start = commands.find(({ name }) => name === 'start');
if (start === undefined) throw new Error('there is no start command');
const flags = flagsOf(start);
const help = helpOf(start, { bold: (text) => text });

const takesAnyText = new Set(['host', 'tls.cert', 'tls.key', 'publicDir']);

describe('the table of settings', () => {
  it('[OP10] has every limit, with the default of the limit', () => {
    const paths = entries.flatMap(({ path }) => (path.startsWith('limits.') ? [path.slice('limits.'.length)] : []));
    expect(paths.sort()).toEqual(Object.keys(defaultLimits).sort());
    expect(settingsOf().limits).toEqual(defaultLimits);
  });

  it('[OP10] gives each setting a flag, a variable and a path of its own', () => {
    for (const name of ['path', 'flag', 'variable'] as const) {
      expect(new Set(entries.map((entry) => entry[name])).size).toBe(entries.length);
    }
    expect(new Set(flags.map(({ name }) => name)).size).toBe(flags.length);
  });

  it.each(entries)(
    '[OP10] $path is an option and key of the config file, a variable, a flag, and in the help',
    (entry) => {
      const { text, value } = sampleOf(entry);
      const expected: Layer = new Map([[entry.path, value]]);
      expect(layerOf(nested(entry.path, JSON.parse(JSON.stringify(value))))).toEqual(expected);
      expect(environmentLayer({ [entry.variable]: text })).toEqual({ layer: expected, warnings: [] });
      const given = parseFlags([`--${entry.flag}=${text}`], flags);
      expect(flagLayer(given).layer).toEqual(expected);
      expect(help).toContain(` --${entry.flag} ${entry.setting.placeholder}`.trimEnd());
      expect(help).toContain(`${entry.variable}  ${entry.path}`);
      expect(help).toContain(entry.setting.help);
    },
  );

  it.each(entries)(
    '[OP13] $path is refused under the name it was given by when it is not valid',
    ({ path, flag, variable }) => {
      const error = { statusCode: 400, message: expect.stringMatching(/^parameter |^API key /) };
      expect(() => layerOf(nested(path, { not: 'it' }))).toThrow(ErrorInfo);
      expect(() => layerOf(nested(path, { not: 'it' }))).toThrow(expect.objectContaining(error));
      if (takesAnyText.has(path)) return;
      expect(() => environmentLayer({ [variable]: '?' })).toThrow(expect.objectContaining(error));
      expect(() => flagLayer(new Map([[flag, ['?']]]))).toThrow(expect.objectContaining(error));
    },
  );
});
