import { errors } from '@parvis/protocol';
import { qualifiedName, Resource } from './resource.ts';

/** Channels on which a client may take locks from others by force, as a key or the claim `x-parvis-locks` says. A value. */
export class LockRights {
  readonly #forced: readonly Resource[];

  private constructor(forced: readonly Resource[]) {
    this.#forced = forced;
  }

  /** Reads a map of channels, as in a capability, to `["force"]`, or its JSON text. Throws 40000. */
  static parse(source: unknown): LockRights {
    const map: unknown = typeof source === 'string' ? parseJson(source) : source;
    if (typeof map !== 'object' || map === null || Array.isArray(map)) throw refused();
    const forced = Object.entries(map).map(([resource, rights]) => {
      if (!Array.isArray(rights) || rights.some((right) => right !== 'force')) throw refused();
      return { resource, mayForce: rights.length > 0 };
    });
    return new LockRights(forced.flatMap(({ resource, mayForce }) => (mayForce ? [new Resource(resource)] : [])));
  }

  /** Whether locks of that channel may be taken. */
  mayForce(channel: string): boolean {
    const name = qualifiedName(channel);
    return this.#forced.some((resource) => resource.matches(name));
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused();
  }
}

function refused() {
  return errors.badRequest('rights on locks must be a map of channels to ["force"]');
}
