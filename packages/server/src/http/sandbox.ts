import { randomBytes } from 'node:crypto';
import { generateKey } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import type { App, Apps, Key } from '../access/app.ts';
import { appFromKeys } from '../access/apps.ts';
import type { Channels } from '../channel/channels.ts';
import { draftPresence, type PresenceSet } from '../channel/presence.ts';
import type { Clock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Limits } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { AppSpec, ChannelSpec } from './appSpec.ts';

/** What a sandbox is made of. */
export interface SandboxParts {
  readonly apps: Apps;
  readonly engine: Engine;
  readonly channels: Channels;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  /** Ends the connections of an app that is gone, with an error of the 40400 family. */
  readonly endApp: (appId: string) => void;
  /** ms that an app lives unless it is removed; an hour unless told. */
  readonly lifetimeMs?: number;
  /** Apps at a time (42910); 1,000 unless told. */
  readonly maxApps?: number;
}

/** An app that was made, and its keys in the order they were asked for. */
export interface SandboxApp {
  readonly app: App;
  readonly keys: readonly Key[];
  /** ms since the epoch. */
  readonly created: number;
}

/**
 * Apps that test suites make for themselves on a development server (protocol reference 9): with keys and namespaces of
 * their own, members who never leave, and an end after an hour.
 */
export class Sandbox {
  readonly #parts: SandboxParts;
  /** What cancels the end of each app that lives. */
  readonly #living = new Map<string, () => void>();

  constructor(parts: SandboxParts) {
    this.#parts = parts;
  }

  /** Makes an app; its members are there when this resolves. Throws 40000, 42910, and what presence does. */
  async create(spec: AppSpec): Promise<SandboxApp> {
    const { apps, clock, lifetimeMs = 3_600_000, maxApps = 1_000 } = this.#parts;
    if (this.#living.size >= maxApps) throw errors.rateLimited(`there are ${maxApps} apps already; delete some first`);
    const made = appOf(spec);
    const { app } = made;
    apps.add(app);
    const cancel = clock.after(lifetimeMs, () => this.#expire(app.id));
    this.#living.set(app.id, cancel);
    try {
      await this.#seat(app, spec.channels);
    } catch (thrown) {
      await this.remove(app.id);
      throw thrown;
    }
    return { ...made, created: clock.now() };
  }

  /** Ends an app of this sandbox, its connections and its members. False if there is none; other apps are not ours to end. */
  async remove(appId: string): Promise<boolean> {
    const cancel = this.#living.get(appId);
    if (cancel === undefined) return false;
    cancel();
    this.#living.delete(appId);
    this.#parts.apps.remove(appId);
    this.#parts.endApp(appId);
    await this.#parts.engine.lease(ownerOf(appId), 0);
    await this.#parts.channels.push.clear(appId);
    return true;
  }

  #expire(appId: string): void {
    this.remove(appId).catch((failure: unknown) => {
      this.#parts.log.error({ err: failure }, 'an app of the sandbox could not be removed');
    });
  }

  /** All members of an app share one connection, as one client that entered them would have made it. */
  async #seat(app: App, channels: readonly ChannelSpec[]): Promise<void> {
    const { engine, limits } = this.#parts;
    const connectionId = `fixture_${randomBytes(9).toString('base64url')}`;
    const owner = ownerOf(app.id);
    await engine.lease(owner, Number.POSITIVE_INFINITY);
    for (const { name, presence } of channels) {
      const origin = { connectionId, clientId: '*', idBase: `${connectionId}:0`, owner };
      const draft = draftPresence(origin, presence, emptySet(app, limits));
      if (draft !== undefined) await engine.append(this.#parts.channels.ref(app, name), draft);
    }
  }
}

function appOf({ keys, namespaces, maxPresenceMembers }: AppSpec): Omit<SandboxApp, 'created'> {
  const { appId } = generateKey();
  const options = keys.map((key) => {
    const { name, secret } = generateKey(appId);
    return { ...key, key: `${name}:${secret}` };
  });
  const app = appFromKeys(options, {
    namespaces,
    ...(maxPresenceMembers === undefined ? {} : { maxPresenceMembers }),
  });
  return { app, keys: [...app.keys.values()] };
}

function emptySet(app: App, limits: Limits): PresenceSet {
  const maxMembers = app.maxPresenceMembers ?? limits.maxPresenceMembers;
  return { get: () => undefined, size: 0, bytes: 0, maxMembers, maxBytes: limits.maxPresenceSize };
}

function ownerOf(appId: string): string {
  return `${appId}/fixtures`;
}
