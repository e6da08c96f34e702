import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ErrorInfo, toErrorInfo } from '@parvis/protocol';
import { annotationRoutes } from './annotations.ts';
import { batchRoutes } from './batch.ts';
import { skipBody } from './body.ts';
import { connectivityRoutes } from './connectivity.ts';
import { corsHeaders, preflightReply, requireAllowedOrigin } from './cors.ts';
import { errorReply } from './errorReply.ts';
import { Exchange } from './exchange.ts';
import type { HttpHost } from './httpHost.ts';
import { lockRoutes } from './locks.ts';
import { messageItemRoutes } from './messageItem.ts';
import { messageRoutes } from './messages.ts';
import { plainJson, type ReplyForm, replyFormOf } from './negotiate.ts';
import { presenceRoutes } from './presence.ts';
import { pushDeviceRoutes } from './pushDevices.ts';
import { pushPublishRoutes } from './pushPublish.ts';
import { pushSubscriptionRoutes } from './pushSubscriptions.ts';
import { boundWriting, type Reply, sendReply } from './reply.ts';
import { revocationRoutes } from './revocation.ts';
import { Router } from './router.ts';
import { sandboxRoutes } from './sandboxRoutes.ts';
import { statsRoutes } from './stats.ts';
import { statusRoutes } from './status.ts';
import { tokenRequestPattern, tokenRoutes } from './tokens.ts';

/**
 * Answers every request of the REST API (protocol reference 4): a reply of a route, or an error as `{ error }` with the
 * two error headers, both in the form that was asked for. Never throws; each refusal is counted and logged once.
 */
export function createHttpHandler(host: HttpHost): (request: IncomingMessage, response: ServerResponse) => void {
  const router = new Router([
    ...connectivityRoutes,
    ...tokenRoutes,
    ...messageRoutes,
    ...messageItemRoutes,
    ...annotationRoutes,
    ...presenceRoutes,
    ...lockRoutes,
    ...statusRoutes,
    ...statsRoutes,
    ...batchRoutes,
    ...pushDeviceRoutes,
    ...pushSubscriptionRoutes,
    ...pushPublishRoutes,
    ...revocationRoutes,
    ...(host.sandbox === undefined ? [] : sandboxRoutes(host.sandbox)),
  ]);
  return (request, response) => {
    new Visit(host, router, request).answer(response).catch((failure: unknown) => {
      host.log.error({ err: failure }, 'a reply could not be written');
      response.destroy();
    });
  };
}

/** One request on its way to its reply, understood step by step: what is known when it fails shapes the error. */
class Visit {
  readonly #host: HttpHost;
  readonly #router: Router;
  readonly #request: IncomingMessage;
  #form: ReplyForm = plainJson;
  #pattern: string | undefined;
  #exchange: Exchange | undefined;

  constructor(host: HttpHost, router: Router, request: IncomingMessage) {
    this.#host = host;
    this.#router = router;
    this.#request = request;
  }

  async answer(response: ServerResponse): Promise<void> {
    const reply = await this.#ask().catch((thrown: unknown) => this.#refuse(thrown));
    this.#count(reply);
    if (response.destroyed) return;
    boundWriting(response, this.#host.writeTimeoutMs);
    const common = { ...corsHeaders(this.#request.headers, this.#host), 'X-Ably-ServerId': this.#host.serverId };
    sendReply(response, reply, this.#form, common);
  }

  async #ask(): Promise<Reply> {
    const { method = 'GET', url = '/', headers } = this.#request;
    const { path, query } = splitUrl(url);
    requireAllowedOrigin(headers, this.#host);
    if (method === 'OPTIONS') return preflightReply(this.#request);
    this.#form = replyFormOf(headers, query);
    const { route, params } = this.#router.find(method, path);
    this.#pattern = route.pattern;
    if (route.jsonOnly === true) this.#form = { ...this.#form, format: 'json' };
    this.#exchange = new Exchange({ host: this.#host, request: this.#request, query, form: this.#form, params });
    return route.answer(this.#exchange);
  }

  async #refuse(thrown: unknown): Promise<Reply> {
    const error = toErrorInfo(thrown);
    this.#report(error, thrown);
    // What is left of a body would be taken for the next request.
    const complete = isTimeout(error) ? false : await skipBody(this.#request, this.#host.clock);
    return { ...errorReply(error), close: !complete };
  }

  #tellRefused(error: ErrorInfo): void {
    const appId = this.#exchange?.appId;
    if (appId === undefined) return;
    const data = () => ({ error: error.toJSON(), method: this.#request.method, route: this.#pattern });
    this.#host.channels.meta.tell(appId, 'log', 'error', data);
  }

  /** Statistics are those of an app: who does not say truly whose the request is, is nobody's. */
  #count({ status }: Reply): void {
    const appId = this.#exchange?.appId;
    if (appId === undefined || this.#host.apps.get(appId) === undefined) return;
    const { meta } = this.#host.channels;
    const request = () => ({ method: this.#request.method, route: this.#pattern, statusCode: status });
    for (const name of ['clientEvents', 'clientEvents:apiRequests'] as const) {
      meta.tell(appId, name, 'apiRequest', request);
    }
    const { apiRequests, tokenRequests } = this.#host.stats.of(appId);
    const outcomes = this.#pattern === tokenRequestPattern ? tokenRequests : apiRequests;
    if (status < 400) outcomes.succeeded += 1;
    else if (status === 429) outcomes.refused += 1;
    else outcomes.failed += 1;
  }

  /** Names the route and never the address, which may hold a key or a token. */
  #report(error: ErrorInfo, failure: unknown): void {
    const { log, meter } = this.#host;
    const fields = { method: this.#request.method, route: this.#pattern, code: error.code, reason: error.message };
    meter.refused(error.code);
    this.#tellRefused(error);
    if (error.statusCode >= 500) log.error({ ...fields, err: failure }, 'a request could not be served');
    else log.info(fields, 'a request was refused');
  }
}

function isTimeout(error: ErrorInfo): boolean {
  return error.statusCode === 408;
}

/** Path and query of a request target, neither decoded nor normalised; the absolute form that proxies use is understood. */
function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const target = url.replace(/^https?:\/\/[^/?]*/i, '');
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
