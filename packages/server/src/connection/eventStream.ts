import { Action, type ErrorInfo, errors, Flag, type ProtocolMessage, toErrorInfo } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import { Attachment, type AttachRequest, type Subscriber } from '../channel/attachment.ts';
import { attachRefusal, grantedModes } from '../channel/attachRequest.ts';
import type { Channel } from '../channel/channel.ts';
import type { Frame } from '../channel/frame.ts';
import { attach } from '../channel/replay.ts';
import { requireIdentified, ruleOf } from '../channel/rule.ts';
import type { StreamAsked, StreamTransport } from '../transport/streamTransport.ts';
import type { EventStreams } from './eventStreams.ts';
import type { ConnectionHost } from './host.ts';
import { Outbox } from './outbox.ts';
import { randomText } from './randomText.ts';
import { errorEvent, eventsOf, idOf, keepaliveOf, type StreamForm } from './streamEvents.ts';
import { StreamPosition } from './streamPosition.ts';
import { type StreamChannel, type StreamRequest, streamRequestOf } from './streamRequest.ts';

/** The longest a timer can run. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Opens a stream on a pipe that a client has just made, or refuses it with an HTTP status: nothing is sent before all may be read. */
export function openStream(
  host: ConnectionHost,
  streams: EventStreams,
  pipe: StreamTransport,
  asked: StreamAsked,
): void {
  begin(host, streams, pipe, asked).catch((failure) => {
    const error = toErrorInfo(failure);
    host.refused(error, { remote: pipe.remote, failure });
    pipe.refuse(error);
  });
}

async function begin(
  host: ConnectionHost,
  streams: EventStreams,
  pipe: StreamTransport,
  asked: StreamAsked,
): Promise<void> {
  const { limits, authenticator, connections } = host;
  const request = streamRequestOf(asked, limits);
  if (connections.size + streams.size >= limits.maxConnections)
    throw errors.unavailable('the server has no room for more connections');
  const principal = await authenticator.authenticate(request.credentials);
  for (const channel of request.channels) requireReadable(principal, channel);
  pipe.start();
  new EventStream(host, streams, pipe, { principal, request });
}

/** Throws 40160 without the right to read the channel, 40012 for a client without a name where all have one. */
function requireReadable({ capability, clientId }: Principal, { attach: request }: StreamChannel): void {
  const { requested, channel } = request.name;
  const refusal = attachRefusal(request, grantedModes(request.modes, capability, requested), capability, requested);
  if (refusal !== undefined) throw refusal;
  if (ruleOf(channel).identified) requireIdentified(clientId);
}

/** One client that only reads: it is told of what happens on its channels until it leaves, or may read no longer. */
export class EventStream implements Subscriber {
  readonly connectionId = randomText(12);
  readonly echo = true;
  readonly principal: Principal;
  readonly outbox: Outbox;
  readonly #host: ConnectionHost;
  readonly #streams: EventStreams;
  readonly #form: StreamForm;
  readonly #attachments: Attachment[] = [];
  readonly #position: StreamPosition;
  /** Of the channels that go on in the middle of an entry: messages of it that the client has already. */
  readonly #taken = new Map<string, number>();
  #cancelExpiry: (() => void) | undefined;
  #ended = false;

  constructor(
    host: ConnectionHost,
    streams: EventStreams,
    pipe: StreamTransport,
    { principal, request }: { readonly principal: Principal; readonly request: StreamRequest },
  ) {
    this.#host = host;
    this.#streams = streams;
    this.principal = principal;
    this.#form = { kind: pipe.form, enveloped: request.enveloped, heartbeats: request.heartbeats };
    this.#position = new StreamPosition(request.channels.map((channel) => channel.attach.name));
    const { limits, flusher, clock } = host;
    const overflow = () => setImmediate(() => this.disconnect(errors.backlogExceeded()));
    this.outbox = new Outbox(pipe, flusher, { soft: limits.softBacklog, hard: limits.hardBacklog }, overflow);
    this.outbox.lastWrite = clock.now();
    pipe.listen({
      frame: () => {},
      alive: () => {},
      drain: () => this.outbox.drained(),
      closed: () => {
        this.#leave();
        this.outbox.end();
      },
    });
    streams.add(this);
    this.#watchExpiry();
    this.#attachAll(request.channels).catch((failure) => this.disconnect(toErrorInfo(failure), failure));
  }

  /** Takes what an attachment gets: events leave, answers are turned into where the stream stands. */
  send(frame: Frame): void {
    const { message } = frame;
    if (message.action === Action.ATTACHED) this.#attached(message);
    else if (message.action === Action.MESSAGE) this.#sendMessages(frame);
    else if (message.action === Action.PRESENCE || message.action === Action.SYNC) this.#sendPresence(frame);
  }

  calmed(): Promise<void> | undefined {
    return this.outbox.calmed();
  }

  /** Fills the silence. */
  keepAlive(): void {
    this.outbox.pushBytes(keepaliveOf(this.#form));
  }

  /** Tells the client why, and ends the stream. */
  disconnect(error: ErrorInfo, failure?: unknown): void {
    if (this.#ended) return;
    this.#host.refused(error, { connectionId: this.connectionId, failure });
    this.outbox.pushBytes(errorEvent(error.toJSON(), this.#form));
    this.#leave();
    this.outbox.end();
  }

  /** There is no way to: who only reads cannot answer with a token. */
  askForToken(): void {}

  /** The feed of a channel was broken. */
  discontinued(channel: Channel): void {
    for (const attachment of this.#attachments) {
      if (attachment.channel !== channel || attachment.held !== undefined) continue;
      const { name } = attachment;
      attachment.startFrom(channel.position);
      this.outbox.pushBytes(errorEvent(errors.serialForeign().toJSON(), this.#form, name));
      this.#position.move(name, channel.position);
    }
  }

  async #attachAll(channels: readonly StreamChannel[]): Promise<void> {
    // The id of the very first event must tell of all channels, those too whose turn has not come.
    const placed: AttachRequest[] = [];
    for (const channel of channels) placed.push(await this.#placed(channel));
    for (const request of placed) await this.#attach(request);
  }

  /** The request with the position that the stream begins from on its channel, unless rewinding tells that. */
  async #placed({ attach: request, taken }: StreamChannel): Promise<AttachRequest> {
    const { name, channelSerial, rewind } = request;
    if (channelSerial === undefined && rewind !== undefined) return request;
    const serial = channelSerial ?? (await this.#open(request)).position;
    this.#position.move(name.requested, serial);
    this.#position.take(name.requested, taken);
    if (taken > 0) this.#taken.set(name.requested, taken);
    return { ...request, channelSerial: serial };
  }

  /** Each when the client has taken what the ones before gave it. */
  async #attach(request: AttachRequest): Promise<void> {
    await this.outbox.calm();
    if (this.#ended) return;
    const channel = await this.#open(request);
    if (this.#ended) return;
    const { engine, limits } = this.#host;
    const modes = grantedModes(request.modes, this.principal.capability, request.name.requested);
    const attachment = new Attachment(channel, this, request, modes);
    this.#attachments.push(attachment);
    await attach(engine, limits, attachment, request, () => !this.#ended);
  }

  #open({ name }: AttachRequest): Promise<Channel> {
    return this.#host.channels.open(this.principal.app, name.channel);
  }

  #attached({ channel = '', channelSerial = '', flags = 0, error }: ProtocolMessage): void {
    if ((flags & Flag.RESUMED) === 0) {
      // Rewound messages are of before that position: the last of each entry will tell where the stream stands.
      this.#position.move(channel, (flags & Flag.HAS_BACKLOG) === 0 ? channelSerial : '');
      this.#taken.delete(channel);
    }
    if (error !== undefined) this.outbox.pushBytes(errorEvent(error, this.#form, channel));
  }

  #sendMessages(frame: Frame): void {
    const { channel = '', channelSerial } = frame.message;
    const events = eventsOf(frame, this.#form);
    const skip = channelSerial === undefined ? 0 : this.#skip(channel, events.length);
    for (let at = skip; at < events.length; at++) {
      const isLast = at === events.length - 1;
      if (channelSerial !== undefined && isLast) this.#position.move(channel, channelSerial);
      else if (channelSerial !== undefined) this.#position.take(channel, at + 1);
      this.#push(events[at]);
    }
    if (channelSerial !== undefined) this.#position.move(channel, channelSerial);
  }

  #sendPresence(frame: Frame): void {
    const { action, channel = '', channelSerial } = frame.message;
    // Pages of the presence set have a serial of their own.
    if (action === Action.PRESENCE && channelSerial !== undefined) this.#position.move(channel, channelSerial);
    for (const event of eventsOf(frame, this.#form)) this.#push(event);
  }

  /** How many of so many messages the client has already. */
  #skip(channel: string, count: number): number {
    const taken = this.#taken.get(channel);
    if (taken === undefined) return 0;
    if (taken > count) this.#taken.set(channel, taken - count);
    else this.#taken.delete(channel);
    return Math.min(taken, count);
  }

  #push(event: Buffer | undefined): void {
    if (event === undefined) return;
    this.outbox.pushBytes(idOf(this.#position.id, this.#form));
    this.outbox.pushBytes(event);
  }

  #watchExpiry(): void {
    const { expiresAt } = this.principal;
    if (expiresAt === undefined) return;
    const { clock } = this.#host;
    const left = expiresAt - clock.now();
    this.#cancelExpiry =
      left > MAX_TIMER_MS
        ? clock.after(MAX_TIMER_MS, () => this.#watchExpiry())
        : clock.after(Math.max(left, 0), () => this.disconnect(errors.tokenExpired()));
  }

  #leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelExpiry?.();
    this.#streams.remove(this);
    for (const attachment of this.#attachments) attachment.channel.remove(attachment);
  }
}
