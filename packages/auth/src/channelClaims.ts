import { errors } from '@parvis/protocol';
import { qualifiedName, Resource } from './resource.ts';

/**
 * Claims of a JWT that each hold for some channels: `<prefix><resource>`, a resource as in a capability. A value: never changed.
 * The exact name of a channel wins over patterns, among patterns the one with the longest literal beginning.
 */
export class ChannelClaims<Value> {
  readonly #byResource: readonly (readonly [Resource, Value])[];

  private constructor(byResource: readonly (readonly [Resource, Value])[]) {
    this.#byResource = byResource;
  }

  /** Collects the claims with that prefix; undefined if there are none. Throws 40144 where `read` knows no value. */
  static read<Value>(
    payload: Readonly<Record<string, unknown>>,
    prefix: string,
    read: (claim: unknown) => Value | undefined,
  ): ChannelClaims<Value> | undefined {
    const found: [Resource, Value][] = [];
    for (const name of Object.keys(payload)) {
      if (!name.startsWith(prefix)) continue;
      const value = read(payload[name]);
      if (value === undefined || name === prefix)
        throw errors.badJwt(`a claim ${prefix}… has no channel or a bad value`);
      found.push([new Resource(name.slice(prefix.length)), value]);
    }
    if (found.length === 0) return undefined;
    return new ChannelClaims(found.sort(([a], [b]) => precedence(b) - precedence(a)));
  }

  /** The value that holds for a channel. */
  for(channel: string): Value | undefined {
    const name = qualifiedName(channel);
    return this.#byResource.find(([resource]) => resource.matches(name))?.[1];
  }
}

function precedence(resource: Resource): number {
  return resource.isLiteral ? Number.POSITIVE_INFINITY : resource.literalPrefixLength;
}
