import { type Annotation, errors, parseAnnotation, renderAnnotation } from '@parvis/protocol';
import type { Body } from './body.ts';
import type { Exchange } from './exchange.ts';
import { publisherOf } from './messageItem.ts';
import { limitOf, openCursor, pageLinks, sealCursor } from './page.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

const item = '/channels/{channel}/messages/{serial}';

/** Annotations of one message, and what one client has said about it (protocol reference 4.6). */
export const annotationRoutes: readonly Route[] = [
  { method: 'POST', pattern: `${item}/annotations`, answer: annotate },
  { method: 'GET', pattern: `${item}/annotations`, answer: list },
  { method: 'GET', pattern: `${item}/client-summary`, answer: clientSummary },
];

/**
 * Makes annotations and takes them back, all of those in the body or none. Throws 40000, 40001, 40003, 40009, 40010,
 * 40012, 40013, 40031, 40032, 40034, 40160, 40161, 40400, 42911 or 93002.
 */
async function annotate(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const [channel, serial] = [exchange.param('channel'), exchange.param('serial')];
  const annotations = annotationsIn(await exchange.body()).map((one) => ({ ...one, messageSerial: serial }));
  const { host } = exchange;
  host.publisherRates.take(principal, channel, annotations.length, host.clock.now());
  const publisher = publisherOf(principal.clientId);
  const { serials } = await host.channels.mutable.annotate(principal, channel, publisher, annotations);
  return { status: 201, body: { channel, messageId: publisher.idBase, serials } };
}

/** Throws 40001 for what is neither an annotation nor an array of them. */
function annotationsIn({ value, format }: Body): Annotation[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
    throw errors.badBody('body must be an annotation or an array of annotations');
  }
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((one) => parseAnnotation(one, format, { rawData: true }));
}

/** Earliest first. Throws 40003, 40010, 40011, 40160, 40400 or 93002. */
async function list(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const [channel, serial] = [exchange.param('channel'), exchange.param('serial')];
  const { query, host, form } = exchange;
  const limit = limitOf(query);
  const scope = ['annotations', channel, serial];
  const cursor = openCursor(principal, scope, query);
  const page = await host.channels.mutable.annotations(principal, channel, serial, {
    limit,
    ...(cursor === undefined ? {} : { cursor }),
  });
  const given = query.get('cursor');
  const links = pageLinks(
    'annotations',
    { limit },
    {
      ...(given === null ? {} : { current: given }),
      ...(page.next === undefined ? {} : { next: sealCursor(principal, scope, page.next) }),
    },
  );
  return { status: 200, body: page.items.map((one) => renderAnnotation(one, form.format)), links };
}

/** Of the client that asks unless another is named. Throws 40003, 40010, 40160, 40400 or 93002. */
async function clientSummary(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const clientId = exchange.query.get('forClientId') ?? principal.clientId;
  if (clientId === undefined || clientId === '*' || clientId === '') {
    throw errors.badParameter('forClientId', 'it names the client whose annotations are summed up');
  }
  const { mutable } = exchange.host.channels;
  const body = await mutable.clientSummary(principal, exchange.param('channel'), exchange.param('serial'), clientId);
  return { status: 200, body };
}
