import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** Somebody who signs JWTs with a private key of its own, under the name of each of its keys. */
export class TestIssuer {
  readonly issuer: string;
  readonly #signers = new Map<string, { readonly alg: string; readonly key: CryptoKey; readonly jwk: JWK }>();

  constructor(issuer = 'https://issuer.example/') {
    this.issuer = issuer;
  }

  /** Makes a key, in place of an earlier one of that name. */
  async addKey(kid: string, alg = 'RS256'): Promise<this> {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    this.#signers.set(kid, { alg, key: privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } });
    return this;
  }

  removeKey(kid: string): void {
    this.#signers.delete(kid);
  }

  /** The public key of that name. */
  jwk(kid: string): JWK {
    return this.#signer(kid).jwk;
  }

  /** Text of the set of its public keys. */
  get jwks(): string {
    return JSON.stringify({ keys: [...this.#signers.values()].map(({ jwk }) => jwk) });
  }

  /** A JWT of these claims for ten minutes; claims that are undefined are left out, header fields come on top. */
  sign(kid: string, claims: Record<string, unknown> = {}, now = Date.now(), header: object = {}): Promise<string> {
    const { alg, key } = this.#signer(kid);
    const iat = Math.floor(now / 1_000);
    return new SignJWT({ iss: this.issuer, sub: 'ann', iat, exp: iat + 600, ...claims })
      .setProtectedHeader({ alg, kid, typ: 'JWT', ...header })
      .sign(key);
  }

  #signer(kid: string) {
    const signer = this.#signers.get(kid);
    if (signer === undefined) throw new Error(`issuer has no key ${kid}`);
    return signer;
  }
}
