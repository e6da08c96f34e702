import { errors } from '@parvis/protocol';
import { everyOperation, type Operation, type OperationMask, operationBit, operationNames } from './operation.ts';
import { type QualifiedName, qualifiedName, Resource } from './resource.ts';

/** Longest capability text that is read, in UTF-16 units. */
const maxTextLength = 65_536;
/** Most resources of one capability: bounds the pairs that an intersection looks at. */
const maxResources = 1_000;

interface Grant {
  readonly resource: Resource;
  readonly mask: OperationMask;
}

/**
 * What may be done on which channels: a map from resource to operations (protocol reference 5.5). A value: never changed.
 * Where several resources match a channel, their operations add up.
 *
 *     Capability.parse('{"board:*":["publish","subscribe"]}').allows('publish', 'board:7') // true
 */
export class Capability {
  /** Every operation on every channel, qualified ones included. */
  static readonly all = Capability.parse({ '[*]*': ['*'] });
  /** Nothing at all. */
  static readonly none = Capability.parse({});

  /** Canonical JSON: resources and operations sorted by code unit, no spaces. Equal text is equal capability. */
  readonly text: string;
  readonly #grants: readonly Grant[];
  readonly #literals = new Map<string, OperationMask>();
  readonly #patterns: readonly Grant[];
  /** What `*` and `[*]*` give to every plain channel. */
  readonly #everywhere: OperationMask = 0;

  private constructor(masks: ReadonlyMap<string, OperationMask>) {
    const resources = [...masks.keys()].sort();
    this.#grants = resources.map((text) => ({ resource: new Resource(text), mask: masks.get(text) ?? 0 }));
    this.text = `{${this.#grants.map(grantText).join()}}`;
    const patterns: Grant[] = [];
    for (const { resource, mask } of this.#grants) {
      if (resource.isAppWide) this.#everywhere |= mask;
      const counted = resource.isAppWide ? mask : mask & ~operationBit('stats');
      if (resource.isLiteral) this.#addLiteral(resource, counted);
      else patterns.push({ resource, mask: counted });
    }
    this.#patterns = patterns;
  }

  /** Reads a capability from its JSON text, the parsed map or another capability; throws 40000 for anything else. */
  static parse(source: unknown): Capability {
    if (source instanceof Capability) return source;
    const map = typeof source === 'string' ? parseJson(source) : source;
    if (typeof map !== 'object' || map === null || Array.isArray(map)) {
      throw errors.badRequest('capability must be a JSON map from resource to a list of operations');
    }
    const entries = Object.entries(map);
    if (entries.length > maxResources) throw errors.badRequest(`capability has more than ${maxResources} resources`);
    return new Capability(new Map(entries.map(([resource, list]) => [resource, parseOperations(resource, list)])));
  }

  /** Whether nothing is permitted. */
  get isEmpty(): boolean {
    return this.#grants.length === 0;
  }

  /** Whether the operation is permitted on the channel. `stats` counts only where it was given for `*` or `[*]*`. */
  allows(operation: Operation, channel: string): boolean {
    const bit = operationBit(operation);
    if (!channel.startsWith('[')) {
      if (this.#everywhere & bit) return true;
      if ((this.#literals.get(channel) ?? 0) & bit) return true;
      if (this.#patterns.length === 0) return false;
    }
    return this.#allowsQualified(bit, qualifiedName(channel));
  }

  /** Whether the operation is permitted on `*` or `[*]*` itself, as statistics and channel enumeration ask. */
  allowsEverywhere(operation: Operation): boolean {
    return (this.#everywhere & operationBit(operation)) !== 0;
  }

  /** Whether anything is permitted on that channel, or the text is one of the resources as it stands. */
  covers(resource: string): boolean {
    const name = qualifiedName(resource);
    return this.#grants.some(({ resource: own }) => own.text === resource || own.matches(name));
  }

  /** Whether the operation is permitted anywhere: for what belongs to no channel. */
  allowsSomewhere(operation: Operation): boolean {
    return this.#grants.some(({ mask }) => (mask & operationBit(operation)) !== 0);
  }

  /**
   * What both permit: for each pair of resources the narrower one if one contains the other, with the operations of both.
   * Pairs that overlap without one containing the other (`a:*:c` and `a:b:*`) give nothing. Check `isEmpty` on the result.
   */
  intersect(other: Capability): Capability {
    if (this === Capability.all) return other;
    if (other === Capability.all) return this;
    const masks = new Map<string, OperationMask>();
    for (const mine of this.#grants) {
      for (const theirs of other.#grants) {
        const mask = mine.mask & theirs.mask;
        const kept = mask === 0 ? undefined : narrower(mine.resource, theirs.resource);
        if (kept) masks.set(kept.text, (masks.get(kept.text) ?? 0) | mask);
      }
    }
    return new Capability(masks);
  }

  /** The canonical text. */
  toString(): string {
    return this.text;
  }

  #addLiteral(resource: Resource, mask: OperationMask): void {
    const key = literalKey(resource.qualifier, resource.name);
    this.#literals.set(key, (this.#literals.get(key) ?? 0) | mask);
  }

  #allowsQualified(bit: OperationMask, channel: QualifiedName): boolean {
    const { qualifier, qualifierClass, name } = channel;
    if ((this.#literals.get(literalKey(qualifier, name)) ?? 0) & bit) return true;
    if ((this.#literals.get(literalKey(qualifierClass, name)) ?? 0) & bit) return true;
    return this.#patterns.some(({ resource, mask }) => mask & bit && resource.matches(channel));
  }
}

function narrower(a: Resource, b: Resource): Resource | undefined {
  if (a.contains(b)) return b;
  return b.contains(a) ? a : undefined;
}

function literalKey(qualifier: string, name: string): string {
  return qualifier === '' ? name : `[${qualifier}]${name}`;
}

function grantText({ resource, mask }: Grant): string {
  return `${JSON.stringify(resource.text)}:${JSON.stringify(operationNames(mask))}`;
}

function parseJson(text: string): unknown {
  if (text.length > maxTextLength) throw errors.badRequest('capability text is too long');
  try {
    return JSON.parse(text);
  } catch {
    throw errors.badRequest('capability is not JSON');
  }
}

function parseOperations(resource: string, list: unknown): OperationMask {
  if (resource === '') throw errors.badRequest('capability has a resource without a name');
  if (!Array.isArray(list) || list.length === 0) {
    throw errors.badRequest('capability needs a list of at least one operation for each resource');
  }
  if (list.length === 1 && list[0] === '*') return everyOperation;
  let mask: OperationMask = 0;
  for (const name of list) {
    const bit = typeof name === 'string' ? operationBit(name) : 0;
    if (bit === 0) throw errors.badRequest('capability names an operation that does not exist, or * beside others');
    mask |= bit;
  }
  return mask;
}
