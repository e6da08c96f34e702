import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../access/principal.ts';
import { randomText } from './randomText.ts';

/** What a connection key turned out to be. */
export type KeyCheck =
  | { readonly kind: 'invalid' }
  /** Ours, for this app and key, but of another client. */
  | { readonly kind: 'otherClient' }
  | { readonly kind: 'valid'; readonly connectionId: string };

/**
 * Makes and checks connection keys. A key is `<connectionId>!<nonce>!<client tag>!<mac>`: nothing needs to be kept for a
 * lost connection, and any node that shares the secret can accept a resume. All characters stand in a URL path as they
 * are, as the comet transport needs.
 */
export class ConnectionKeys {
  readonly #secret: KeyObject;

  /** Nodes of one deployment share the secret; alone, a random one does. */
  constructor(secret: Buffer = randomBytes(32)) {
    this.#secret = createSecretKey(secret);
  }

  /** A key that differs from all before: clients do their bookkeeping of a new transport by that. */
  mint(connectionId: string, principal: Principal): string {
    const nonce = randomText(9);
    const tag = this.#clientTag(principal);
    return `${connectionId}!${nonce}!${tag}!${this.#mac(connectionId, nonce, tag, principal)}`;
  }

  /** Whether a key resumes a connection of this principal. Keys of other apps and API keys are like forged ones. */
  check(key: string, principal: Principal): KeyCheck {
    const [connectionId, nonce, tag, mac, ...rest] = key.length > 200 ? [] : key.split('!');
    if (!connectionId || !nonce || !tag || !mac || rest.length > 0) return { kind: 'invalid' };
    if (!sameText(mac, this.#mac(connectionId, nonce, tag, principal))) return { kind: 'invalid' };
    if (!sameText(tag, this.#clientTag(principal))) return { kind: 'otherClient' };
    return { kind: 'valid', connectionId };
  }

  #mac(connectionId: string, nonce: string, tag: string, principal: Principal): string {
    return this.#digest(['key', connectionId, nonce, tag, principal.key.name]).slice(0, 27);
  }

  #clientTag({ clientId }: Principal): string {
    return this.#digest(['client', clientId === undefined ? '-' : `=${clientId}`]).slice(0, 12);
  }

  #digest(parts: string[]): string {
    return createHmac('sha256', this.#secret).update(JSON.stringify(parts)).digest('base64url');
  }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
