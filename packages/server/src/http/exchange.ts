import type { IncomingMessage } from 'node:http';
import { errors } from '@parvis/protocol';
import { readAuthorization, readClientIdHeader } from '../access/authorization.ts';
import type { Credentials, Principal } from '../access/principal.ts';
import { type Body, maxBodySize, parseBody, readBody } from './body.ts';
import type { HttpHost } from './httpHost.ts';
import type { ReplyForm } from './negotiate.ts';
import type { Found } from './router.ts';

const BODY_TIMEOUT_MS = 10_000;

/** One request as a route sees it. */
export class Exchange {
  readonly host: HttpHost;
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  readonly form: ReplyForm;
  /** The app that the request is counted for, once it is known. */
  appId: string | undefined;
  readonly #params: Found['params'];

  constructor(parts: Pick<Exchange, 'host' | 'request' | 'query' | 'form'> & Pick<Found, 'params'>) {
    this.host = parts.host;
    this.request = parts.request;
    this.query = parts.query;
    this.form = parts.form;
    this.#params = parts.params;
  }

  /** What stood in the braces of the route's pattern, decoded once. */
  param(name: string): string {
    const value = this.#params.get(name);
    if (value === undefined) throw new Error(`route has no {${name}}`);
    return value;
  }

  get secure(): boolean {
    return this.host.secure(this.request);
  }

  /** Version of the protocol that is spoken; the newest there can be if the request does not say. */
  get version(): number {
    const version = Number(this.request.headers['x-ably-version'] ?? this.query.get('v') ?? Number.NaN);
    return Number.isNaN(version) ? Number.POSITIVE_INFINITY : version;
  }

  /** Whether the request says who it is from, truly or not. */
  get hasCredentials(): boolean {
    const { key, token } = this.#credentials();
    return key !== undefined || token !== undefined;
  }

  /** Who asks. Rejects with what the authenticator throws, 40005 and 40012. */
  async authenticate(): Promise<Principal> {
    const principal = await this.host.authenticator.authenticate(this.#credentials());
    this.appId = principal.app.id;
    return principal;
  }

  /** Who asks, if it is with an API key: 40162 for a token. */
  async authenticateKey(): Promise<Principal> {
    const principal = await this.authenticate();
    if (principal.method !== 'key') throw errors.basicAuthRequired();
    return principal;
  }

  /** The body, read and parsed. Throws 40000, 40009 or 40013. */
  async body(maxBytes?: number): Promise<Body> {
    return parseBody(await this.bytes(maxBytes), this.request);
  }

  /** The body as it came in; as long as one publish may be unless told. Throws 40000 or 40009. */
  bytes(maxBytes = maxBodySize(this.host.limits.maxMessageSize)): Promise<Buffer> {
    return readBody(this.request, this.host.clock, { maxBytes, timeoutMs: BODY_TIMEOUT_MS });
  }

  /** The header counts if there is one, else the query; both are what the official clients and curl send. */
  #credentials(): Credentials {
    const { authorization, 'x-ably-clientid': encoded } = this.request.headers;
    const clientId = encoded === undefined ? undefined : readClientIdHeader(String(encoded));
    const shown = authorization === undefined ? shownIn(this.query) : readAuthorization(authorization);
    return { ...shown, ...(clientId === undefined ? {} : { clientId }), secure: this.secure, via: 'rest' };
  }
}

function shownIn(query: URLSearchParams): { key?: string; token?: string } {
  const key = query.get('key');
  const token = query.get('access_token') ?? query.get('accessToken');
  return { ...(key === null ? {} : { key }), ...(token === null ? {} : { token }) };
}
