import { Capability, LockRights, parseKey } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import type { App, Apps, Key, Namespace } from './app.ts';

/** A key as configured. */
export interface KeyOptions {
  /** `appId.keyId:secret` */
  readonly key: string;
  /** A `Capability`, its JSON text or the map itself; default everything on every plain channel. */
  readonly capability?: unknown;
  readonly revocableTokens?: boolean;
  /** Map of channels to `["force"]`, or its JSON text: where locks may be taken by force. */
  readonly locks?: unknown;
}

/** What an app has beside its keys. */
export interface AppOptions {
  readonly namespaces?: readonly Namespace[];
  readonly maxPresenceMembers?: number;
  /** Shortest secret, in bytes of UTF-8; default 16. Less than 2 is never taken. */
  readonly minSecretLength?: number;
}

const idShape = /^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}$/;
const everything = Capability.parse({ '*': ['*'] });

/** The apps of one node, by id. */
export function createApps(initial: Iterable<App> = []): Apps {
  const apps = new Map([...initial].map((app) => [app.id, app]));
  return {
    get: (id) => apps.get(id),
    add: (app) => void apps.set(app.id, app),
    remove: (id) => apps.delete(id),
    [Symbol.iterator]: () => apps.values(),
  };
}

/**
 * One app of its keys. Throws 40005 for a malformed or repeated key, a secret that is too short, keys of several apps or none,
 * and 40000 for a bad capability.
 */
export function appFromKeys(keys: readonly KeyOptions[], options: AppOptions = {}): App {
  const [app, ...others] = appsFromKeys(keys, options);
  if (!app || others.length > 0) throw errors.badCredentials('an app needs at least one key, and all of them its own');
  return app;
}

/** As many apps as the keys name, each with its own keys and all with the same options. Throws as `appFromKeys`. */
export function appsFromKeys(keys: readonly KeyOptions[], options: AppOptions = {}): App[] {
  const byApp = new Map<string, Map<string, Key>>();
  for (const each of keys) {
    const { appId, key } = readKey(each, Math.max(options.minSecretLength ?? 16, 2));
    const ofApp = byApp.get(appId) ?? new Map<string, Key>();
    if (ofApp.has(key.name)) throw errors.badCredentials(`API key ${key.name} is configured twice`);
    byApp.set(appId, ofApp.set(key.name, key));
  }
  const namespaces = new Map((options.namespaces ?? []).map((namespace) => [namespace.id, namespace]));
  const { maxPresenceMembers } = options;
  const limits = maxPresenceMembers === undefined ? {} : { maxPresenceMembers };
  return [...byApp].map(([id, ofApp]) => ({ id, keys: ofApp, namespaces, ...limits }));
}

function readKey({ key, capability, revocableTokens = false, locks }: KeyOptions, minSecretLength: number) {
  const { appId, keyId, name, secret } = parseKey(key);
  if (!idShape.test(appId) || !idShape.test(keyId)) {
    throw errors.badCredentials('ids of an API key must be of up to 64 letters, digits, _ and -, and not begin with -');
  }
  if (new TextEncoder().encode(secret).length < minSecretLength) {
    throw errors.badCredentials(
      `secret of API key ${name} is shorter than ${minSecretLength} bytes; generate a new key`,
    );
  }
  const parsed = Capability.parse(capability ?? everything);
  const capabilityText = textOf(capability) ?? parsed.text;
  const lockRights = locks === undefined ? {} : { lockRights: LockRights.parse(locks) };
  return { appId, key: { name, secret, revocableTokens, capability: parsed, capabilityText, ...lockRights } };
}

/** The text of a capability that is JSON text or a map; that of a `Capability` says nothing of how it was written. */
function textOf(capability: unknown): string | undefined {
  if (typeof capability === 'string') return JSON.stringify(JSON.parse(capability));
  return capability instanceof Capability ? undefined : JSON.stringify(capability);
}
