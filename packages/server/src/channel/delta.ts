import type { Data, Message, ProtocolMessage } from '@parvis/protocol';
import { encodeVcdiff } from '../delta/vcdiff.ts';

/** Payloads beyond this many bytes travel whole: making a delta takes several times its memory. */
const MAX_PAYLOAD = 1_048_576;

/** A message as the last one of a chain: what the next may be told as a change of. */
interface Base {
  /** Tells it from every other message, and from other ways of showing the same. */
  readonly place: string;
  readonly id: string;
  /** Undefined if clients may not hold it: see `payloadOf`. */
  readonly payload: Uint8Array | undefined;
}

/** What goes into a message in place of its payload. */
interface Delta {
  readonly from: string;
  readonly data: Uint8Array;
  readonly encoding: string;
}

/**
 * The last message of a channel for those who get deltas (channel param `delta`, protocol reference 2.13). One payload is
 * held, and each message is compared with the one right before it, once, however many get the delta.
 */
export class DeltaChain {
  #last: Base | undefined;

  /** The messages of a frame that is about to be sent to all; `end` makes the last of them the last of the chain. */
  begin(frame: ProtocolMessage): DeltaRun {
    return new DeltaRun(frame, this.#last, (last) => {
      this.#last = last;
    });
  }

  /** Goes on from where another chain has come to, unless this one has come somewhere itself. */
  follow(other: DeltaChain): void {
    this.#last ??= other.#last;
  }
}

/** The messages of one frame, each with its delta to the one before it on the channel. */
export class DeltaRun {
  readonly #messages: readonly Message[];
  readonly #bases: Base[];
  readonly #indexes: Map<string, number>;
  readonly #deltas = new Map<number, Delta | undefined>();
  readonly #done: (last: Base) => void;

  constructor(frame: ProtocolMessage, before: Base | undefined, done: (last: Base) => void) {
    const { messages = [] } = frame;
    const first = before === undefined ? [] : [before];
    this.#messages = messages;
    this.#bases = [...first, ...messages.map((message, index) => baseOf(message, idOf(frame, index)))];
    this.#indexes = new Map(messages.map((_, index) => [placeOf(frame, index), index]));
    this.#done = done;
  }

  /** The frame for whoever got the message at that place last: with a delta wherever one is possible and smaller. */
  show(frame: ProtocolMessage, previous: string): ProtocolMessage {
    let before = previous;
    let changed = false;
    const messages = frame.messages?.map((message, index) => {
      const place = placeOf(frame, index);
      const delta = this.#delta(place, before);
      before = place;
      if (delta === undefined) return message;
      changed = true;
      const { from, data, encoding } = delta;
      return { ...message, data, encoding, extras: { ...message.extras, delta: { from, format: 'vcdiff' } } };
    });
    return changed && messages !== undefined ? { ...frame, messages } : frame;
  }

  /** All have been sent to. */
  end(): void {
    const last = this.#bases[this.#bases.length - 1];
    if (last !== undefined) this.#done(last);
  }

  #delta(place: string, previous: string): Delta | undefined {
    const index = this.#indexes.get(place);
    if (index === undefined) return undefined;
    const at = this.#bases.length - this.#messages.length + index;
    const before = this.#bases[at - 1];
    const own = this.#bases[at];
    if (before?.place !== previous || own === undefined) return undefined;
    if (!this.#deltas.has(index)) this.#deltas.set(index, deltaOf(before, own, this.#messages[index]));
    return this.#deltas.get(index);
  }
}

/** Where one attachment stands: it gets a message as a delta if what it got last is what came right before it. */
export class DeltaPosition {
  /** Its own while it catches up, that of the channel from then on. */
  chain = new DeltaChain();
  /** Place of the message it got last; empty if there is none that deltas could stand on. */
  previous = '';

  /** It has been sent these messages. */
  sent(frame: ProtocolMessage): void {
    const { length = 0 } = frame.messages ?? [];
    if (length > 0) this.previous = placeOf(frame, length - 1);
  }

  /** Goes on with the chain of the channel. */
  join(chain: DeltaChain): void {
    chain.follow(this.chain);
    this.chain = chain;
  }
}

function deltaOf(before: Base, own: Base, message: Message | undefined): Delta | undefined {
  if (before.payload === undefined || own.payload === undefined || message === undefined) return undefined;
  // Browsers take a byte order mark off text that they decode, but not off text that comes as it is.
  if (typeof message.data === 'string' && message.data.startsWith('\ufeff')) return undefined;
  const data = encodeVcdiff(before.payload, own.payload);
  if (data.length >= own.payload.length) return undefined;
  const steps = typeof message.data === 'string' ? 'utf-8/vcdiff' : 'vcdiff';
  return { from: before.id, data, encoding: message.encoding === undefined ? steps : `${message.encoding}/${steps}` };
}

function baseOf(message: Message, id: string): Base {
  return { place: placeOfMessage(message, id), id, payload: payloadOf(message.data, message.encoding) };
}

function idOf(frame: ProtocolMessage, index: number): string {
  return frame.messages?.[index]?.id ?? `${frame.id}:${index}`;
}

function placeOf(frame: ProtocolMessage, index: number): string {
  return placeOfMessage(frame.messages?.[index] ?? {}, idOf(frame, index));
}

/** Ids that clients give may come again one day, and what is shown of one message may be an append or the whole of it. */
function placeOfMessage({ serial, version, action }: Message, id: string): string {
  return `${version?.serial ?? serial} ${action} ${id}`;
}

/**
 * The bytes that a client holds of a message to apply the next delta to. None if it cannot get to the end of the encoding,
 * for then it goes on holding an earlier message: it has no key to what is encrypted, or the JSON is none.
 */
function payloadOf(data: Data | undefined, encoding: string | undefined): Uint8Array | undefined {
  if (data === undefined || data.length > MAX_PAYLOAD) return undefined;
  const isText = typeof data === 'string';
  const isPlain = encoding === undefined || (encoding === 'utf-8' && !isText);
  const isJson = encoding === (isText ? 'json' : 'json/utf-8');
  if (!isPlain && !(isJson && isValidJson(data))) return undefined;
  return isText ? Buffer.from(data) : data;
}

function isValidJson(data: Data): boolean {
  try {
    JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data));
    return true;
  } catch {
    return false;
  }
}
