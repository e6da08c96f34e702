import { errors } from '@parvis/protocol';
import type { Principal } from './principal.ts';

/** Tokens that are good no more: those of a key that fit a target and were issued before a time. Times in ms since the epoch. */
export interface Revocation {
  readonly keyName: string;
  /** `clientId:<id>`, `revocationKey:<key>` or `channel:<name or resource>`. */
  readonly target: string;
  readonly issuedBefore: number;
  /** From when on it holds. */
  readonly appliesAt: number;
}

/** Longest target that is remembered, in UTF-16 units. */
const maxTargetLength = 1_024;
const kinds = ['clientId', 'revocationKey', 'channel'];

/** Throws 40000 for a target that is none of `clientId:…`, `revocationKey:…` and `channel:…`. */
export function checkTarget(target: string): void {
  const colon = target.indexOf(':');
  if (!kinds.includes(target.slice(0, Math.max(colon, 0))) || colon === target.length - 1) {
    throw errors.badRequest('target must be clientId:<id>, revocationKey:<key> or channel:<name>');
  }
  if (target.length > maxTargetLength) {
    throw errors.badRequest(`target has more than ${maxTargetLength} characters`);
  }
}

/** The revocations of one app that are in force, or will be, found by what they are aimed at. */
export class Revocations {
  readonly #byId = new Map<string, Revocation>();
  readonly #byTarget = new Map<string, Revocation[]>();
  /** Channels and resources that are targets, by key. */
  readonly #channels = new Map<string, Set<string>>();

  get size(): number {
    return this.#byId.size;
  }

  add(id: string, revocation: Revocation): void {
    if (this.#byId.has(id)) return;
    this.#byId.set(id, revocation);
    const { keyName, target } = revocation;
    const address = addressOf(keyName, target);
    this.#byTarget.set(address, [...(this.#byTarget.get(address) ?? []), revocation]);
    if (target.startsWith(channelPrefix)) {
      this.#channels.set(keyName, (this.#channels.get(keyName) ?? new Set()).add(target.slice(channelPrefix.length)));
    }
  }

  delete(id: string): void {
    const revocation = this.#byId.get(id);
    if (revocation === undefined) return;
    this.#byId.delete(id);
    const { keyName, target } = revocation;
    const left = this.#at(keyName, target).filter((other) => other !== revocation);
    if (left.length > 0) {
      this.#byTarget.set(addressOf(keyName, target), left);
      return;
    }
    this.#byTarget.delete(addressOf(keyName, target));
    if (target.startsWith(channelPrefix)) this.#channels.get(keyName)?.delete(target.slice(channelPrefix.length));
  }

  /** Forgets all. */
  clear(): void {
    this.#byId.clear();
    this.#byTarget.clear();
    this.#channels.clear();
  }

  /** Whether one that is known does all that this one would do. */
  implies({ keyName, target, issuedBefore, appliesAt }: Revocation): boolean {
    return this.#at(keyName, target).some(
      (known) => known.issuedBefore >= issuedBefore && known.appliesAt <= appliesAt,
    );
  }

  /** Whether the token of a principal is revoked at this time. A token for any client goes with the name it acts under, too. */
  isRevoked({ key, clientId, tokenClientId, revocationKey, issuedAt, capability }: Principal, at: number): boolean {
    if (this.#byId.size === 0 || issuedAt === undefined) return false;
    const fits = (target: string) =>
      this.#at(key.name, target).some(({ issuedBefore, appliesAt }) => issuedAt < issuedBefore && appliesAt <= at);
    if (clientId !== undefined && fits(`clientId:${clientId}`)) return true;
    if (tokenClientId !== undefined && fits(`clientId:${tokenClientId}`)) return true;
    if (revocationKey !== undefined && fits(`revocationKey:${revocationKey}`)) return true;
    for (const channel of this.#channels.get(key.name) ?? []) {
      if (capability.covers(channel) && fits(channelPrefix + channel)) return true;
    }
    return false;
  }

  #at(keyName: string, target: string): readonly Revocation[] {
    return this.#byTarget.get(addressOf(keyName, target)) ?? [];
  }
}

const channelPrefix = 'channel:';

/** Names of keys hold no blank. */
function addressOf(keyName: string, target: string): string {
  return `${keyName} ${target}`;
}
