import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../config.ts';
import { configuredLayers, environmentLayer, fileLayer, flagLayer } from './layers.ts';

const key = 'app.key:secret-of-more-than-sixteen-bytes';
const folder = mkdtempSync(join(tmpdir(), 'parvis-'));
afterAll(() => rmSync(folder, { recursive: true }));

function configFile(content: unknown, mode = 0o600): string {
  const path = join(folder, 'parvis.json');
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  chmodSync(path, mode);
  return path;
}

describe('configuration outside of code', () => {
  it('[OP11] a flag wins over the environment, which wins over the config file', () => {
    const config = configFile({ port: 1, host: '::1', limits: { maxRewind: 7 } });
    const layers = configuredLayers(
      new Map([
        ['config', [config]],
        ['port', ['3']],
      ]),
      { PARVIS_PORT: '2', PARVIS_MAX_REWIND: '8', PATH: '/bin' },
    );
    const settings = settingsOf(...layers.map(({ layer }) => layer));
    expect(settings).toMatchObject({ port: 3, host: '::1', limits: { maxRewind: 8 } });
    expect(layers.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  it('[OP11] the config file may be named by PARVIS_CONFIG', () => {
    const layers = configuredLayers(new Map(), { PARVIS_CONFIG: configFile({ port: 4 }) });
    expect(settingsOf(...layers.map(({ layer }) => layer)).port).toBe(4);
  });

  it('[OP12] an unknown key of the config file is refused with the nearest name', () => {
    expect(() => fileLayer(configFile({ limits: { maxRewnd: 1 } }))).toThrow('did you mean limits.maxRewind?');
  });

  it('[OP12] a variable that looks like ours and is not is warned of, one that a cluster sets is passed over', () => {
    const { layer, warnings } = environmentLayer({
      PARVIS_PROT: '1',
      PARVIS_PORT: 'tcp://10.0.0.1:8787',
      PARVIS_PORT_8787_TCP_ADDR: '10.0.0.1',
      PARVIS_SERVICE_HOST: '10.0.0.1',
      PARVIS_HOST: '',
    });
    expect(layer.size).toBe(0);
    expect(warnings).toEqual(['PARVIS_PROT is no setting; did you mean PARVIS_PORT?']);
  });

  it('[OP13] a config file that is missing or no JSON object is refused, and its text is not shown', () => {
    expect(() => fileLayer(join(folder, 'none.json'))).toThrow(/none\.json cannot be read \(ENOENT\)/);
    expect(() => fileLayer(configFile(`{"keys": ["${key}]`))).toThrow(/parvis\.json is not JSON$/);
    expect(() => fileLayer(configFile([1]))).toThrow(/must hold an object/);
  });

  it('[OP14] a config file with keys that all can read is warned of, one without keys or with mode 600 is not', () => {
    expect(fileLayer(configFile({ keys: [key] }, 0o644)).warnings).toEqual([
      expect.stringMatching(/holds secrets, and every user of this machine can read it: chmod 600 /),
    ]);
    expect(fileLayer(configFile({ port: 1 }, 0o644)).warnings).toEqual([]);
    expect(fileLayer(configFile({ keys: [key] }, 0o640)).warnings).toEqual([]);
  });

  it('[OP14] a secret among the flags is warned of, and the warning does not repeat it', () => {
    const { layer, warnings } = flagLayer(new Map([['key', [key, 'app.other:another-secret-of-some-length']]]));
    expect(layer.get('keys')).toHaveLength(2);
    expect(warnings).toEqual(['--key shows a secret in the list of processes: use PARVIS_KEYS or a config file']);
  });

  it('[OP11] lists are split at commas, or are JSON', () => {
    const other = 'app.other:another-secret-of-some-length';
    const plain = environmentLayer({ PARVIS_KEYS: `${key}, ${other}` }).layer.get('keys');
    expect(plain).toEqual([{ key }, { key: other }]);
    const json = JSON.stringify([{ key, capability: { '*': ['subscribe'] } }]);
    expect(environmentLayer({ PARVIS_KEYS: json }).layer.get('keys')).toEqual(JSON.parse(json));
    expect(() => environmentLayer({ PARVIS_KEYS: '[' })).toThrow(
      'parameter PARVIS_KEYS is not valid: it must be a list',
    );
  });
});
