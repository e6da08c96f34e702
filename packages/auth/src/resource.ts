/** A channel name taken apart: `[filter=x?rewind=1]a:b` has class `filter`, qualifier `filter=x` and name `a:b`. */
export interface QualifiedName {
  /** Text in the brackets up to the first `?`; empty for a plain channel. */
  readonly qualifier: string;
  /** The qualifier up to the first `=`. */
  readonly qualifierClass: string;
  readonly name: string;
}

/** A channel name without its bracket. `[?params]name` and `name` are the same channel. */
export function qualifiedName(text: string): QualifiedName {
  const end = text.startsWith('[') ? text.indexOf(']') : -1;
  if (end < 0) return { qualifier: '', qualifierClass: '', name: text };
  const qualifier = upTo('?', text.slice(1, end));
  return { qualifier, qualifierClass: upTo('=', qualifier), name: text.slice(end + 1) };
}

function upTo(mark: string, text: string): string {
  const at = text.indexOf(mark);
  return at < 0 ? text : text.slice(0, at);
}

/**
 * A resource of a capability (protocol reference 5.5): a channel name in which a segment `*` is a wildcard, exactly one segment
 * inside and one or more at the end. A qualifier `[*]` stands for every one and for none.
 */
export class Resource {
  readonly text: string;
  /** The resource is `*` or `[*]*`, the only ones on which `stats` and channel enumeration count. */
  readonly isAppWide: boolean;
  /** No wildcard at all, so that equality of names decides. */
  readonly isLiteral: boolean;
  readonly qualifier: string;
  readonly name: string;
  readonly #segments: readonly string[];
  /** Set when the one wildcard is the last segment: what a name must begin with. */
  readonly #prefix: string | undefined;

  constructor(text: string) {
    const { qualifier, name } = qualifiedName(text);
    this.text = text;
    this.qualifier = qualifier;
    this.name = name;
    this.#segments = name.split(':');
    this.isLiteral = qualifier !== '*' && !this.#segments.includes('*');
    this.isAppWide = name === '*' && (qualifier === '' || qualifier === '*');
    if (this.#segments.indexOf('*') === this.#segments.length - 1) this.#prefix = name.slice(0, -1);
  }

  /** How many characters precede the first wildcard of the name: what makes one pattern more specific than another. */
  get literalPrefixLength(): number {
    const wildcard = this.#segments.indexOf('*');
    return this.#segments.slice(0, wildcard < 0 ? undefined : wildcard).join(':').length;
  }

  /** Whether this resource covers that channel. */
  matches(channel: QualifiedName): boolean {
    return this.#coversQualifier(channel.qualifier, channel.qualifierClass) && this.#matchesName(channel.name);
  }

  /** Whether every channel that `other` covers is covered by this one too. */
  contains(other: Resource): boolean {
    return this.#coversQualifier(other.qualifier, upTo('=', other.qualifier)) && this.#coversSegments(other.#segments);
  }

  #coversQualifier(qualifier: string, qualifierClass: string): boolean {
    return this.qualifier === '*' || this.qualifier === qualifier || this.qualifier === qualifierClass;
  }

  #matchesName(name: string): boolean {
    if (this.#prefix !== undefined) return name.startsWith(this.#prefix);
    if (!this.#segments.includes('*')) return name === this.name;
    return this.#coversSegments(name.split(':'));
  }

  /** Segment by segment, of a channel or of another resource, whose wildcards are covered by wildcards alone. */
  #coversSegments(others: readonly string[]): boolean {
    const own = this.#segments;
    const isOpen = own.at(-1) === '*';
    if (isOpen ? others.length < own.length : others.length !== own.length) return false;
    for (let index = 0; index < own.length; index += 1) {
      if (own[index] !== '*' && own[index] !== others[index]) return false;
    }
    return true;
  }
}
