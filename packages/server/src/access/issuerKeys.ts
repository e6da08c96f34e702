import { errors } from '@parvis/protocol';
import type { importJWK, JWK } from 'jose';
import type { Clock } from '../clock.ts';
import type { IssuerAlgorithm } from './issuer.ts';

/** A public key of an issuer, as long as its set holds it. */
export interface IssuerKey {
  readonly jwk: JWK;
  /** Text of the JWK: an unchanged key stays the same object when the set is fetched again. */
  readonly text: string;
}

/** What checks a signature. */
export type VerifyKey = Awaited<ReturnType<typeof importJWK>>;

/** Fetches a text from an address; rejects if it cannot be had in time. */
export type FetchText = (url: string, signal: AbortSignal) => Promise<string>;

/** What the keys of an issuer are kept with. */
export interface IssuerKeysOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly fetchText?: FetchText;
  /** The keys could not be fetched. */
  readonly report?: (failure: unknown) => void;
}

const FETCH_TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;
/** A set this old is fetched again while it is still used; one this old is used no more. */
const REFRESH_MS = 600_000;
const STALE_MS = 3_600_000;
/** An unknown key makes us look again, but not more often than this. */
const MIN_BETWEEN_MS = 10_000;

/**
 * The public keys of one issuer, from one address. Fetched when they are first needed, when they are old, and when a token
 * names a key that is not there; one fetch at a time, whoever asks, and a pause after each, so that no flood of invented
 * names becomes one of fetches.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  readonly #imported = new WeakMap<IssuerKey, Map<string, Promise<VerifyKey>>>();
  #keys: readonly IssuerKey[] = [];
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #failed = false;
  #fetching: Promise<void> | undefined;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** The key of that name for that algorithm. Rejects with 40144 if there is none, 50004 if the keys cannot be had. */
  async find(kid: string, alg: IssuerAlgorithm): Promise<IssuerKey> {
    const known = this.#pick(kid, alg);
    if (known !== undefined && this.isCurrent(known)) return known;
    await this.#fetch();
    const found = this.#pick(kid, alg);
    if (found !== undefined && this.isCurrent(found)) return found;
    if (this.#failed) throw errors.unavailable('the public keys of the issuer of the token cannot be fetched now');
    throw errors.badJwt('kid names no key of its issuer');
  }

  /** Whether a key still stands in the set, as far as is known. An old set is fetched again meanwhile. */
  isCurrent(key: IssuerKey): boolean {
    const age = this.#options.clock.now() - this.#fetchedAt;
    if (age > STALE_MS || !this.#keys.includes(key)) return false;
    if (age > REFRESH_MS) this.#fetch();
    return true;
  }

  /** The key as it checks signatures of that algorithm. Rejects with 40144 for one that does not. */
  verifier(key: IssuerKey, alg: IssuerAlgorithm): Promise<VerifyKey> {
    const byAlgorithm = this.#imported.get(key) ?? new Map<string, Promise<VerifyKey>>();
    this.#imported.set(key, byAlgorithm);
    const imported = byAlgorithm.get(alg) ?? importKey(key.jwk, alg);
    byAlgorithm.set(alg, imported);
    return imported;
  }

  #pick(kid: string, alg: IssuerAlgorithm): IssuerKey | undefined {
    return this.#keys.find(({ jwk }) => jwk.kid === kid && fits(jwk, alg));
  }

  /** Never rejects. Does nothing within the pause after the last time. */
  #fetch(): Promise<void> {
    const { clock } = this.#options;
    if (this.#fetching !== undefined) return this.#fetching;
    if (clock.now() - this.#triedAt < MIN_BETWEEN_MS) return Promise.resolve();
    this.#triedAt = clock.now();
    this.#fetching = this.#load().then(
      (keys) => {
        this.#keys = keys;
        this.#fetchedAt = clock.now();
        this.#failed = false;
      },
      (failure: unknown) => {
        this.#failed = true;
        this.#options.report?.(failure);
      },
    );
    return this.#fetching.finally(() => {
      this.#fetching = undefined;
    });
  }

  async #load(): Promise<IssuerKey[]> {
    const { url, clock, fetchText = fetchOnce } = this.#options;
    const abort = new AbortController();
    const cancel = clock.after(FETCH_TIMEOUT_MS, () => abort.abort());
    try {
      const { keys } = JSON.parse(await fetchText(url, abort.signal)) as { keys?: unknown };
      if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw new Error('not a set of keys');
      return keys.map((jwk: JWK) => this.#known(jwk));
    } finally {
      cancel();
    }
  }

  #known(jwk: JWK): IssuerKey {
    const text = JSON.stringify(jwk);
    return this.#keys.find((key) => key.text === text) ?? { jwk, text };
  }
}

/** Type and curve of a key by the algorithm that it is for. */
const shapes: Readonly<Record<IssuerAlgorithm, { readonly kty: string; readonly crv?: string }>> = {
  RS256: { kty: 'RSA' },
  ES256: { kty: 'EC', crv: 'P-256' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
};

/** Whether it is a public key that is meant to check signatures of that algorithm. */
function fits(jwk: JWK, alg: IssuerAlgorithm): boolean {
  const { kty, crv } = shapes[alg];
  if (jwk.kty !== kty || (crv !== undefined && jwk.crv !== crv) || jwk.d !== undefined) return false;
  if (jwk.use !== undefined && jwk.use !== 'sig') return false;
  if (jwk.key_ops !== undefined && !jwk.key_ops.includes('verify')) return false;
  return jwk.alg === undefined || jwk.alg === alg;
}

async function importKey(jwk: JWK, alg: IssuerAlgorithm): Promise<VerifyKey> {
  const { importJWK } = await import('jose');
  try {
    return await importJWK(jwk, alg);
  } catch {
    throw errors.badJwt('the key that kid names cannot be used');
  }
}

/** Goes to that address and to no other, and reads no more than a set of keys can need. */
async function fetchOnce(url: string, signal: AbortSignal): Promise<string> {
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' };
  const response = await fetch(url, { redirect: 'error', signal, headers });
  if (response.status !== 200 || response.body === null) throw new Error(`status ${response.status}`);
  const reader = response.body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > MAX_BYTES) {
      await reader.cancel();
      throw new Error('too long');
    }
    chunks.push(part.value);
  }
  return Buffer.concat(chunks, size).toString();
}
