import { errors, type Message, type PresenceMessage, renderPresence, sizeOf } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import { type BatchResult, batchReply, counted, resultOf } from './batchReply.ts';
import { type Body, maxBytesOfBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { parseMessages } from './publishBody.ts';
import { publishTo } from './publishing.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** Publishing to many channels at once, and the presence sets of many (protocol reference 4.8). */
export const batchRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/messages', answer: publish },
  { method: 'GET', pattern: '/presence', answer: presence },
];

const MAX_CHANNELS = 100;
const MAX_MESSAGES = 1_000;
/** Bytes of the members of all presence sets in one reply. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024;
const MEMBERS_PER_PAGE = 1_000;

/** Messages, and the channels each of which gets all of them as one entry. */
interface BatchSpec {
  readonly channels: readonly string[];
  readonly messages: readonly Message[];
}

/**
 * Publishes each spec on each of its channels; what fails on one channel fails there alone. A channel that a spec names twice
 * gets its messages once. Throws 40000 for more than 100 channels or 1000 messages in all, 40001, 40009, 40012, 40013 or 40032
 * for a body that cannot be read: nothing is published then.
 */
async function publish(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const body = await exchange.body(maxBytesOfBody);
  const specs = specsIn(body);
  const results = await Promise.all(specs.map((spec) => publishSpec(exchange, principal, spec)));
  const counts = results.map(counted);
  return batchReply(exchange, 201, results.flat(), Array.isArray(body.value) ? counts : counts[0]);
}

function publishSpec(
  exchange: Exchange,
  principal: Principal,
  { channels, messages }: BatchSpec,
): Promise<BatchResult[]> {
  const byChannel = new Map<string, Promise<BatchResult>>();
  const resultOn = (channel: string) => {
    const result =
      byChannel.get(channel) ?? resultOf({ channel }, () => publishTo(exchange, principal, channel, messages));
    byChannel.set(channel, result);
    return result;
  };
  return Promise.all(channels.map(resultOn));
}

function specsIn({ value, format }: Body): BatchSpec[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > MAX_CHANNELS) {
    throw errors.badBody(`body must be a batch of channels and messages, or an array of up to ${MAX_CHANNELS} of them`);
  }
  const raw = list.map(partsOf);
  const channelCount = raw.reduce((sum, { channels }) => sum + channels.length, 0);
  const messageCount = raw.reduce((sum, { messages }) => sum + messages.length, 0);
  if (channelCount > MAX_CHANNELS) throw errors.badRequest(`batch has more than ${MAX_CHANNELS} channels in all`);
  if (messageCount > MAX_MESSAGES) throw errors.badRequest(`batch has more than ${MAX_MESSAGES} messages in all`);
  return raw.map(({ channels, messages }) => ({ channels, messages: parseMessages({ value: messages, format }) }));
}

function partsOf(spec: unknown): { channels: string[]; messages: unknown[] } {
  const { channels, messages } = (typeof spec === 'object' && spec !== null ? spec : {}) as Record<string, unknown>;
  const names: unknown[] = Array.isArray(channels) ? channels : [channels];
  if (names.length === 0 || !names.every((name) => typeof name === 'string')) {
    throw errors.badBody('channels of a batch must be the name of a channel or an array of names');
  }
  const list: unknown[] = Array.isArray(messages) ? messages : [messages];
  if (list.length === 0 || list.some((message) => typeof message !== 'object' || message === null)) {
    throw errors.badBody('messages of a batch must be a message or an array of messages');
  }
  return { channels: names, messages: list };
}

/**
 * The presence sets of the channels named in `channels`, with commas in between or what `separator` says. Throws 40003; a set
 * that cannot be read, or no longer fits the reply (40009), has its error in its place.
 */
async function presence(exchange: Exchange): Promise<Reply> {
  const { query } = exchange;
  const principal = await exchange.authenticate();
  const channels = (query.get('channels') ?? '').split(query.get('separator') || ',');
  if (query.get('channels') === null || channels.length > MAX_CHANNELS) {
    throw errors.badParameter('channels', `it must name 1 to ${MAX_CHANNELS} channels`);
  }
  const left = { bytes: MAX_REPLY_BYTES };
  const results: BatchResult[] = [];
  // One after the other: none of what is over the bound is read.
  for (const channel of channels) {
    results.push(
      await resultOf({ channel }, async () => ({ presence: await membersOf(exchange, principal, channel, left) })),
    );
  }
  return batchReply(exchange, 200, results);
}

async function membersOf(exchange: Exchange, principal: Principal, channel: string, left: { bytes: number }) {
  const { host, form } = exchange;
  const members: PresenceMessage[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: MEMBERS_PER_PAGE, ...(cursor === undefined ? {} : { cursor }) };
    const page = await host.channels.members(principal, channel, query);
    for (const member of page.items) {
      left.bytes -= sizeOf(member);
      if (left.bytes < 0) throw errors.replyTooLarge(MAX_REPLY_BYTES);
      members.push(member);
    }
    cursor = page.next;
  } while (cursor !== undefined);
  return members.map((member) => renderPresence(member, form.format));
}
