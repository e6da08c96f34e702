import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DemoTokens } from './demoTokens.ts';
import { readSite, type SiteFile } from './siteFiles.ts';

/** What a site consists of; each may be missing. */
export interface SiteParts {
  /** Files to serve, read when first asked for. */
  readonly directory?: string | undefined;
  readonly tokens?: DemoTokens | undefined;
  /** Told when the directory cannot be read. */
  failed(failure: unknown): void;
}

/** Serves the files of one directory, such as the demo and the scripts of a CDN, and the tokens its page needs. */
export class Site {
  readonly #parts: SiteParts;
  #files: Promise<ReadonlyMap<string, SiteFile>> | undefined;

  constructor(parts: SiteParts) {
    this.#parts = parts;
  }

  /** Answers what is its own and resolves with true; else leaves the request alone. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (this.#parts.tokens?.handle(request, response)) return true;
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const [path = '/'] = (request.url ?? '/').split('?', 1);
    const file = (await this.#read()).get(path);
    if (file === undefined) return false;
    send(request, response, path, file);
    return true;
  }

  #read(): Promise<ReadonlyMap<string, SiteFile>> {
    const { directory, failed } = this.#parts;
    if (directory === undefined) return Promise.resolve(new Map());
    this.#files ??= readSite(directory).catch((failure: unknown) => {
      this.#files = undefined;
      failed(failure);
      return new Map();
    });
    return this.#files;
  }
}

function send(request: IncomingMessage, response: ServerResponse, path: string, file: SiteFile): void {
  const isPage = file.type.startsWith('text/html');
  const headers = {
    etag: file.etag,
    // Checked each time, for names do not change with content; a check costs one small answer.
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...(isPage ? pageHeaders(request, file) : {}),
    // Pages elsewhere load scripts of the CDN, and nothing else of ours.
    ...(path.startsWith('/cdn/')
      ? { 'cross-origin-resource-policy': 'cross-origin', 'access-control-allow-origin': '*' }
      : { 'cross-origin-resource-policy': 'same-origin' }),
  };
  if (request.headers['if-none-match'] === file.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, 'content-type': file.type, 'content-length': file.body.length });
  response.end(request.method === 'HEAD' ? undefined : file.body);
}

function pageHeaders({ headers: { host = '' } }: IncomingMessage, { scriptHashes }: SiteFile) {
  // Not every browser counts WebSockets of the page's own host as `self`.
  const ownHost = /^[\w.-]+(:\d+)?$|^\[[\da-f:]+\](:\d+)?$/i.test(host) ? ` ws://${host} wss://${host}` : '';
  return {
    'content-security-policy': [
      "default-src 'none'",
      ["script-src 'self'", ...scriptHashes].join(' '),
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      `connect-src 'self'${ownHost}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'self'",
    ].join('; '),
    'x-frame-options': 'SAMEORIGIN',
  };
}
