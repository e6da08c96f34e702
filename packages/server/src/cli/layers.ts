import { readFileSync, statSync } from 'node:fs';
import { errors } from '@parvis/protocol';
import { type Layer, layerOf } from '../config.ts';
import { entries } from '../settings/entries.ts';
import { nearestName } from '../settings/nearestName.ts';
import type { GivenFlags } from './flags.ts';

/** A source of configuration, and what is to be said about it. */
export interface ReadLayer {
  readonly layer: Layer;
  readonly warnings: readonly string[];
}

const CONFIG_VARIABLE = 'PARVIS_CONFIG';
const PREFIX = 'PARVIS_';
/** A cluster that runs a service called parvis sets these for every process; none of them is meant for us. */
const ofCluster = /^PARVIS_(SERVICE_|PORT_\d)/;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * All that was configured outside of code, weakest first: the config file, the environment, the flags. Throws 40000 for what is
 * unknown and 40003 for what is not valid, under the name it was given by.
 */
export function configuredLayers(given: GivenFlags, environment: Environment): ReadLayer[] {
  const file = given.get('config')?.at(-1) ?? environment[CONFIG_VARIABLE];
  return [...(file ? [fileLayer(file)] : []), environmentLayer(environment), flagLayer(given)];
}

/** The settings of a JSON file. Warns of secrets that every user of the machine can read. */
export function fileLayer(path: string): ReadLayer {
  const layer = layerOf(parseFile(path));
  const holdsSecret = entries.some(({ path: name, setting }) => setting.secret && layer.has(name));
  const isOpen = process.platform !== 'win32' && (statSync(path).mode & 0o004) !== 0;
  const warning = `${path} holds secrets, and every user of this machine can read it: chmod 600 ${path}`;
  return { layer, warnings: holdsSecret && isOpen ? [warning] : [] };
}

/** The settings among environment variables. Warns of variables that look like ours and are not. */
export function environmentLayer(environment: Environment): ReadLayer {
  const layer = new Map<string, unknown>();
  const known = new Map(entries.map((entry) => [entry.variable, entry]));
  const warnings: string[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || !text || variable === CONFIG_VARIABLE || ofCluster.test(variable)) continue;
    const entry = known.get(variable);
    if (entry === undefined) warnings.push(`${variable} is no setting${nearestName(variable, known.keys())}`);
    else if (entry.path === 'port' && text.startsWith('tcp://')) continue;
    else layer.set(entry.path, entry.setting.check(entry.setting.read(text), variable));
  }
  return { layer, warnings };
}

/** The settings among flags. Warns of secrets, which the list of processes shows to every user of the machine. */
export function flagLayer(given: GivenFlags): ReadLayer {
  const layer = new Map<string, unknown>();
  const warnings: string[] = [];
  for (const { path, flag, variable, setting } of entries) {
    const texts = given.get(flag);
    if (texts === undefined) continue;
    const name = `--${flag}`;
    const value = setting.repeats ? texts.flatMap((text) => setting.read(text)) : setting.read(texts.at(-1) ?? '');
    layer.set(path, setting.check(value, name));
    if (setting.secret)
      warnings.push(`${name} shows a secret in the list of processes: use ${variable} or a config file`);
  }
  return { layer, warnings };
}

function parseFile(path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (failure) {
    const { code } = failure as NodeJS.ErrnoException;
    // The text of a JSON error quotes the file, and the file may hold a key.
    throw errors.badParameter(
      'config',
      code === undefined ? `${path} is not JSON` : `${path} cannot be read (${code})`,
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw errors.badParameter('config', `${path} must hold an object`);
}
