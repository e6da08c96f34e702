/** What is read of a request of Node's http or of Express: its body is not. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  /** Express: the url before a router took its mount path off. */
  readonly originalUrl?: string | undefined;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
}

/** What is written of a response of Node's http or of Express. */
export interface NodeResponse {
  statusCode: number;
  readonly headersSent?: boolean;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/**
 * Mounts a `Request → Response` handler in Node's http (`createServer(toNodeHandler(handler))`) or Express
 * (`app.all('/api/token', toNodeHandler(handler))`). The handler sees method, url and headers, and no body.
 */
export function toNodeHandler(
  handler: (request: Request) => Response | Promise<Response>,
): (request: NodeRequest, response: NodeResponse) => Promise<void> {
  return async (incoming, outgoing) => {
    const request = toRequest(incoming);
    const response = request ? await handler(request) : new Response(null, { status: 400 });
    const body = await response.text();
    // A timeout of the application's own may have answered meanwhile.
    if (outgoing.headersSent) return;
    outgoing.statusCode = response.status;
    response.headers.forEach((value, name) => {
      outgoing.setHeader(name, value);
    });
    outgoing.end(body);
  };
}

/** Undefined for what Node's parser lets through and a Request cannot hold, such as a broken Host header. */
function toRequest({ method = 'GET', url = '/', originalUrl = url, headers }: NodeRequest): Request | undefined {
  const copied = new Headers();
  try {
    for (const [name, value] of Object.entries(headers)) {
      // HTTP/2 pseudo headers are no headers to the Fetch API.
      if (value !== undefined && !name.startsWith(':'))
        copied.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    const host = headers.host ?? 'localhost';
    return new Request(originalUrl.startsWith('/') ? `http://${host}${originalUrl}` : originalUrl, {
      method,
      headers: copied,
    });
  } catch {
    return undefined;
  }
}
