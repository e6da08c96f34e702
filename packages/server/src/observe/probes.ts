import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CountingMeter } from './countingMeter.ts';
import type { Levels, Metrics } from './metrics.ts';

/** What the routes for operators look at. */
export interface ProbesParts {
  readonly meter: CountingMeter;
  readonly levels: Levels;
  /** Whether new clients should come here: false while the server drains, or when storage takes no appends. */
  ready(): Promise<boolean>;
}

const READY_TIMEOUT_MS = 2_000;

/** The routes for operators: `/healthz` asks this process alone, `/readyz` its storage too, `/metrics` shows what was counted. */
export class Probes {
  readonly #parts: ProbesParts;
  #metrics: Promise<Metrics> | undefined;

  constructor(parts: ProbesParts) {
    this.#parts = parts;
  }

  /** Answers if it is one of these routes; else leaves the request alone and returns false. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const [path] = (request.url ?? '').split('?', 1);
    if (path !== '/healthz' && path !== '/readyz' && path !== '/metrics') return false;
    if (request.method !== 'GET' && request.method !== 'HEAD') reply(response, 405, 'use GET\n');
    else if (path === '/healthz') reply(response, 200, 'ok\n');
    else if (path === '/readyz') this.#readiness(response);
    else this.#expose(response);
    return true;
  }

  #readiness(response: ServerResponse): void {
    const late = new Promise<boolean>((resolve) => setTimeout(resolve, READY_TIMEOUT_MS, false).unref());
    Promise.race([this.#parts.ready(), late])
      .catch(() => false)
      .then((ready) => reply(response, ready ? 200 : 503, ready ? 'ready\n' : 'not ready\n'));
  }

  #expose(response: ServerResponse): void {
    // Loaded when first asked: it costs a tenth of the time to start, and many servers are never asked.
    this.#metrics ??= import('./metrics.ts').then(({ createMetrics }) =>
      createMetrics(this.#parts.meter, this.#parts.levels),
    );
    this.#metrics
      .then(async (metrics) => reply(response, 200, await metrics.text(), metrics.contentType))
      .catch(() => reply(response, 500, 'metrics could not be read\n'));
  }
}

function reply(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}
