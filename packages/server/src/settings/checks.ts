import { parseKey } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import type { KeyOptions } from '../access/apps.ts';
import { batchingFields, checkBatching } from '../access/batching.ts';
import { nearestName } from './nearestName.ts';
import type { AppSetting, NamespaceSetting } from './settings.ts';

const namespaceFlags = ['persisted', 'pushEnabled', 'mutableMessages'] as const;

/** A key: its text, or an object with `key`, `capability`, `revocableTokens` and `locks`. Throws 40005 for one that is none. */
export function checkKey(item: unknown, name: string): KeyOptions {
  if (typeof item === 'string') return { key: checkKeyText(item, name) };
  const { key, capability, revocableTokens, locks } = fieldsOf(item, name, [
    'key',
    'capability',
    'revocableTokens',
    'locks',
  ]);
  return {
    key: checkKeyText(key, name),
    ...(capability === undefined ? {} : { capability }),
    ...(locks === undefined ? {} : { locks }),
    ...optionalFlag({ revocableTokens }, name),
  };
}

/** An app: `id`, its `keys` and `namespaces`. */
export function checkApp(item: unknown, name: string): AppSetting {
  const fields = fieldsOf(item, name, ['id', 'keys', 'namespaces', 'maxPresenceMembers']);
  const { id, keys, namespaces = [], maxPresenceMembers } = fields;
  if (typeof id !== 'string' || id === '') throw errors.badParameter(name, 'an app needs an id');
  if (!Array.isArray(keys) || keys.length === 0) throw errors.badParameter(name, `app ${id} needs a list of keys`);
  if (!Array.isArray(namespaces)) throw errors.badParameter(name, `namespaces of app ${id} must be a list`);
  const checked = keys.map((key) => checkKey(key, name));
  if (checked.some(({ key }) => parseKey(key).appId !== id)) {
    throw errors.badParameter(name, `keys of app ${id} must begin with ${id}.`);
  }
  if (maxPresenceMembers === undefined) {
    return { id, keys: checked, namespaces: namespaces.map((each) => checkNamespace(each, name)) };
  }
  if (typeof maxPresenceMembers !== 'number' || !(maxPresenceMembers >= 1)) {
    throw errors.badParameter(name, `maxPresenceMembers of app ${id} must be a number from 1`);
  }
  return { id, keys: checked, namespaces: namespaces.map((each) => checkNamespace(each, name)), maxPresenceMembers };
}

/** An origin exactly as browsers send it, such as `https://app.example.com` or `http://localhost:5173`. */
export function checkOrigin(item: unknown, name: string): string {
  if (typeof item === 'string' && URL.canParse(item)) {
    const { origin } = new URL(item);
    if (origin === item) return item;
    if (origin !== 'null') throw errors.badParameter(name, `an origin has no path and no capitals: ${origin}`);
  }
  throw errors.badParameter(name, 'an origin looks like https://app.example.com');
}

function checkNamespace(item: unknown, name: string): NamespaceSetting {
  const { id, ...fields } = fieldsOf(item, name, ['id', ...namespaceFlags, ...batchingFields]);
  if (typeof id !== 'string' || id === '') throw errors.badParameter(name, 'a namespace needs an id');
  const flags = Object.fromEntries(namespaceFlags.map((flag) => [flag, fields[flag]]));
  return { id, ...optionalFlag(flags, name), ...checkBatching(fields, `${name}, namespace ${id}`) };
}

function checkKeyText(key: unknown, name: string): string {
  if (typeof key !== 'string') throw errors.badParameter(name, 'a key must be text of the form appId.keyId:secret');
  parseKey(key);
  return key;
}

/** Those that are given, each of which must be true or false. */
function optionalFlag(flags: Record<string, unknown>, name: string): Record<string, boolean> {
  const given = Object.entries(flags).filter(([, value]) => value !== undefined);
  for (const [field, value] of given) {
    if (typeof value !== 'boolean') throw errors.badParameter(name, `${field} must be true or false`);
  }
  return Object.fromEntries(given) as Record<string, boolean>;
}

/** The fields of an object that has none but known ones. Throws 40003. */
export function fieldsOf(item: unknown, name: string, known: readonly string[]): Record<string, unknown> {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw errors.badParameter(name, `it must be an object with ${known.join(', ')}`);
  }
  for (const field of Object.keys(item)) {
    if (!known.includes(field)) throw errors.badParameter(name, `it has no field ${field}${nearestName(field, known)}`);
  }
  return item as Record<string, unknown>;
}
