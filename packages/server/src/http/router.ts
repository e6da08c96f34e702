import { errors } from '@parvis/protocol';
import type { Exchange } from './exchange.ts';
import type { Reply } from './reply.ts';

/** What is served under one method and path. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Segments between slashes: a literal, or `{name}` for whatever stands there. */
  readonly pattern: string;
  /** Answered in JSON whatever the client accepts. */
  readonly jsonOnly?: boolean;
  /** May throw or reject with an ErrorInfo. */
  answer(exchange: Exchange): Reply | Promise<Reply>;
}

/** A route that was found, and what stood in its braces. */
export interface Found {
  readonly route: Route;
  readonly params: ReadonlyMap<string, string>;
}

/** Finds routes by method and path. */
export class Router {
  readonly #routes: { readonly route: Route; readonly segments: readonly string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.pattern.split('/') }));
  }

  /**
   * The route of a request. The path is split as it came and each segment is decoded once after that, so that nothing
   * in a segment can change which route it is. HEAD is served where GET is. Throws 40400, 40500, or 40000 for a segment
   * that is not percent-encoded UTF-8.
   */
  find(method: string, path: string): Found {
    const given = path.split('/');
    const fitting = this.#routes.filter(({ segments }) => fits(segments, given));
    if (fitting.length === 0) throw errors.notFound('route');
    const wanted = method === 'HEAD' ? 'GET' : method;
    const found = fitting.find(({ route }) => route.method === wanted);
    if (found === undefined) throw errors.methodNotAllowed(method);
    return { route: found.route, params: paramsOf(found.segments, given) };
  }
}

function fits(segments: readonly string[], given: readonly string[]): boolean {
  return segments.length === given.length && segments.every((one, at) => isParam(one) || one === given[at]);
}

function paramsOf(segments: readonly string[], given: readonly string[]): Map<string, string> {
  const params = new Map<string, string>();
  for (const [at, segment] of segments.entries()) {
    if (isParam(segment)) params.set(segment.slice(1, -1), decoded(given[at] ?? ''));
  }
  return params;
}

function isParam(segment: string): boolean {
  return segment.startsWith('{');
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw errors.badRequest('path is not percent-encoded UTF-8');
  }
}
