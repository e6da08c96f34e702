import { compareSerials, Mode, memberKey, type ProtocolMessage } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { Entry } from '../engine/engine.ts';
import type { Meter } from '../observe/meter.ts';
import type { Attachment } from './attachment.ts';
import { DeltaChain } from './delta.ts';
import {
  type MessagePayload,
  mergedFrameOf,
  messageFrameOf,
  messagesOf,
  type PresencePayload,
  presenceFrameOf,
  presenceOf,
  wholeMessagesOf,
} from './entryView.ts';
import { conflationOf, Frame } from './frame.ts';
import { lastOfEach } from './lastOfEach.ts';
import { MessageWindow } from './messageWindow.ts';
import { annotationFrameOf, type MutationPayload, mutationFrameOf } from './mutationView.ts';
import type { ChannelRule } from './rule.ts';
import { Showing } from './showing.ts';
import type { View } from './view.ts';

/**
 * The live listeners of one channel, and the way an entry reaches them: one frame, encoded once for each kind of pipe,
 * pushed to everybody whose modes and echo allow it. Nothing is allocated per listener.
 */
export class FanOut {
  readonly #channel: string;
  readonly #rule: ChannelRule;
  readonly #window: MessageWindow | undefined;
  readonly #meter: Meter;
  readonly #live: Attachment[] = [];
  /** Those with a view: a list of their own, so that the others are not asked for one. */
  readonly #viewed: Attachment[] = [];
  /** Those who have to be read something before they can be sent more. */
  readonly #late: Attachment[] = [];
  /** Called with those who get an append and lack what it goes on from: they are held up until `resume`. */
  onLate: ((attachments: readonly Attachment[]) => void) | undefined;
  /** There while somebody gets deltas. */
  #deltas: DeltaChain | undefined;
  #deltaCount = 0;

  constructor(channel: string, rule: ChannelRule, clock: Clock, meter: Meter) {
    this.#meter = meter;
    this.#channel = channel;
    this.#rule = rule;
    if (rule.windowMs > 0) {
      this.#window = new MessageWindow(rule.windowMs, clock, (entries) => this.#sendMessages(entries));
    }
  }

  get size(): number {
    return this.#live.length + this.#viewed.length + this.#late.length;
  }

  get attachments(): readonly Attachment[] {
    const others = this.#viewed.length + this.#late.length;
    return others === 0 ? this.#live : [...this.#live, ...this.#viewed, ...this.#late];
  }

  /** From the next entry on this attachment gets all. What waits in the window came before it. */
  add(attachment: Attachment): void {
    this.flush();
    this.#put(attachment);
    const delta = attachment.view?.delta;
    if (delta === undefined) return;
    this.#deltas ??= new DeltaChain();
    this.#deltaCount += 1;
    delta.join(this.#deltas);
  }

  remove(attachment: Attachment): void {
    if (attachment.slot < 0) return;
    if (attachment.view?.delta !== undefined && --this.#deltaCount === 0) this.#deltas = undefined;
    this.#take(attachment);
    attachment.late = undefined;
  }

  /** What was held up for an attachment since `onLate`; it takes part in the fan-out again. */
  resume(attachment: Attachment): readonly Entry[] {
    this.flush();
    const held = attachment.late ?? [];
    this.#move(attachment, undefined);
    return held;
  }

  #move(attachment: Attachment, late: Entry[] | undefined): void {
    this.#take(attachment);
    attachment.late = late;
    this.#put(attachment);
  }

  #put(attachment: Attachment): void {
    const list = this.#listOf(attachment);
    attachment.slot = list.length;
    list.push(attachment);
  }

  #take(attachment: Attachment): void {
    const { slot } = attachment;
    attachment.slot = -1;
    const list = this.#listOf(attachment);
    const last = list.pop();
    if (last === undefined || last === attachment) return;
    list[slot] = last;
    last.slot = slot;
  }

  #listOf(attachment: Attachment): Attachment[] {
    if (attachment.late !== undefined) return this.#late;
    return attachment.view === undefined ? this.#live : this.#viewed;
  }

  /** Sends an entry to all, now or when the channel's window ends. */
  deliver(entry: Entry): void {
    for (const attachment of this.#late) attachment.late?.push(entry);
    if (entry.kind === 'message' && this.#window !== undefined) {
      this.#window.add(entry);
      return;
    }
    this.flush();
    if (entry.kind === 'message') this.#sendMessages([entry]);
    else if (entry.kind === 'presence') this.#sendPresence(entry);
    else if (entry.kind === 'mutation') this.#sendMutation(entry);
    else this.#sendAnnotations(entry);
  }

  /** Sends what waits in the window. */
  flush(): void {
    this.#window?.flush();
  }

  /** Sends one entry to one attachment that is catching up; of a message entry what comes after the first `skipped`. */
  deliverTo(attachment: Attachment, entry: Entry, skipped = 0): void {
    if (entry.kind === 'presence') {
      const { connectionId } = entry.payload as PresencePayload;
      if (seesPresence(attachment, connectionId)) attachment.send(new Frame(presenceFrameOf(this.#channel, entry)));
    } else if (entry.kind === 'annotation') {
      if (seesAnnotation(attachment, entry)) attachment.send(new Frame(annotationFrameOf(this.#channel, entry)));
    } else if (hears(attachment, entry)) {
      const message =
        entry.kind === 'message'
          ? afterFirst(messageFrameOf(this.#channel, entry), skipped)
          : mutationFrameOf(this.#channel, entry);
      if (attachment.view === undefined) attachment.subscriber.send(new Frame(message));
      else catchUp(attachment, attachment.view, new Frame(message), entry);
    }
  }

  #sendMessages(entries: readonly Entry[]): void {
    const frame = this.#messageFrame(entries);
    this.#meter.framesDelivered(this.size);
    for (const attachment of this.#live) {
      if ((attachment.modes & Mode.SUBSCRIBE) === 0) continue;
      if (attachment.echo) attachment.subscriber.send(frame);
      else this.#sendToSilent(attachment, entries, frame);
    }
    if (this.#viewed.length > 0) this.#showMessages(entries, frame);
  }

  #showMessages(entries: readonly Entry[], frame: Frame): void {
    const run = this.#deltas?.begin(frame.message);
    const all = new Showing(frame, entries, run);
    for (const attachment of this.#viewed) {
      if (attachment.view === undefined || (attachment.modes & Mode.SUBSCRIBE) === 0) continue;
      const heard = attachment.echo ? entries : othersOf(entries, attachment.subscriber.connectionId);
      if (heard.length === entries.length) show(attachment, attachment.view, all);
      else if (heard.length > 0) show(attachment, attachment.view, new Showing(this.#messageFrame(heard), heard, run));
    }
    run?.end();
  }

  /** For a listener that does not want its own messages back: the shared frame unless some of it is its own. */
  #sendToSilent(attachment: Attachment, entries: readonly Entry[], shared: Frame): void {
    const others = othersOf(entries, attachment.subscriber.connectionId);
    if (others.length === entries.length) attachment.subscriber.send(shared);
    else if (others.length > 0) attachment.subscriber.send(this.#messageFrame(others));
  }

  #messageFrame(entries: readonly Entry[]): Frame {
    const [only] = entries;
    const message =
      entries.length === 1 && only !== undefined
        ? messageFrameOf(this.#channel, only)
        : mergedFrameOf(this.#channel, entries);
    const last = this.#rule.conflateBy === undefined ? message : lastOfEach(this.#rule.conflateBy, message);
    return new Frame(last, this.#rule.conflateMessages ? () => conflationOf(entries.flatMap(messagesOf)) : undefined);
  }

  /** A change is sent to all who hear messages. An append says what it adds, to those who have what it goes on from. */
  #sendMutation(entry: Entry): void {
    const frame = new Frame(mutationFrameOf(this.#channel, entry));
    const run = this.#deltas?.begin(frame.message);
    const showing = new Showing(frame, [entry], run);
    const late: Attachment[] = [];
    this.#meter.framesDelivered(this.size);
    const send = (attachment: Attachment) => {
      if (!hears(attachment, entry)) return;
      if (!followsOn(attachment, entry)) late.push(attachment);
      else if (attachment.view === undefined) attachment.subscriber.send(frame);
      else show(attachment, attachment.view, showing);
    };
    this.#live.forEach(send);
    this.#viewed.forEach(send);
    run?.end();
    if (late.length === 0) return;
    for (const attachment of late) this.#move(attachment, [entry]);
    this.onLate?.(late);
  }

  #sendAnnotations(entry: Entry): void {
    const frame = new Frame(annotationFrameOf(this.#channel, entry));
    this.#meter.framesDelivered(this.size);
    for (const list of [this.#live, this.#viewed]) {
      for (const attachment of list) if (seesAnnotation(attachment, entry)) attachment.send(frame);
    }
  }

  #sendPresence(entry: Entry): void {
    const payload = entry.payload as PresencePayload;
    // Locks travel in extras, and each change of a lock must arrive.
    const conflatable = payload.stored === undefined && payload.presence.every((event) => event.extras === undefined);
    const frame = new Frame(
      presenceFrameOf(this.#channel, entry),
      conflatable
        ? () => ({ kind: 'presence', parts: new Map(presenceOf(entry).map((event) => [memberKey(event), event])) })
        : undefined,
    );
    this.#meter.framesDelivered(this.size);
    for (const attachment of this.#live) {
      // A client learns its own members from their echo alone, whatever its modes.
      const wanted =
        (attachment.modes & Mode.PRESENCE_SUBSCRIBE) !== 0 ||
        attachment.subscriber.connectionId === payload.connectionId;
      if (wanted) attachment.subscriber.send(frame);
    }
    if (this.#viewed.length > 0) this.#showPresence(frame, payload.connectionId);
  }

  #showPresence(frame: Frame, connectionId: string | undefined): void {
    const byName = new Map([[this.#channel, frame]]);
    for (const attachment of this.#viewed) {
      if (!seesPresence(attachment, connectionId)) continue;
      const named = byName.get(attachment.name) ?? frame.under(attachment.name);
      byName.set(attachment.name, named);
      attachment.subscriber.send(named);
    }
  }
}

function show(attachment: Attachment, view: View, showing: Showing): void {
  const frame = view.show(showing);
  if (frame !== undefined) attachment.subscriber.send(frame);
}

function afterFirst(frame: ProtocolMessage, skipped: number): ProtocolMessage {
  if (skipped === 0) return frame;
  const { id: _, ...rest } = frame;
  return { ...rest, messages: wholeMessagesOf(frame).slice(skipped) };
}

/** Shows one entry to one attachment, which has a chain of deltas to itself meanwhile. */
function catchUp(attachment: Attachment, view: View, frame: Frame, entry: Entry): void {
  const run = view.delta?.chain.begin(frame.message);
  show(attachment, view, new Showing(frame, [entry], run));
  run?.end();
}

/** Whether presence of that connection is for this attachment: its own is, whatever its modes. */
function seesPresence(attachment: Attachment, connectionId: string | undefined): boolean {
  if (attachment.view?.messagesOnly === true) return false;
  return (attachment.modes & Mode.PRESENCE_SUBSCRIBE) !== 0 || attachment.subscriber.connectionId === connectionId;
}

/** Whether the messages of an entry are for this attachment. */
export function hears(attachment: Attachment, entry: Entry): boolean {
  return (attachment.modes & Mode.SUBSCRIBE) !== 0 && (attachment.echo || !isOwn(attachment, entry));
}

/** Whether the annotations of an entry are for this attachment. */
export function seesAnnotation(attachment: Attachment, entry: Entry): boolean {
  if ((attachment.modes & Mode.ANNOTATION_SUBSCRIBE) === 0 || attachment.view?.messagesOnly === true) return false;
  return attachment.echo || !isOwn(attachment, entry);
}

function isOwn({ subscriber }: Attachment, { payload }: Entry): boolean {
  return (payload as { connectionId?: string }).connectionId === subscriber.connectionId;
}

/** Whether a mutation can be used by this attachment as it is: an append is, if it holds the version before. */
export function followsOn({ wholeAppends, since, rewound }: Attachment, { payload }: Entry): boolean {
  const { continues, message } = payload as MutationPayload;
  if (continues === undefined) return true;
  if (wholeAppends) return false;
  return continues > since || (rewound !== undefined && (message.serial ?? '') >= rewound);
}

function othersOf(entries: readonly Entry[], connectionId: string): readonly Entry[] {
  return entries.filter((entry) => (entry.payload as MessagePayload).connectionId !== connectionId);
}

/** Whether an entry comes after a position of the same log. */
export function isAfter(entry: Entry, serial: string): boolean {
  return compareSerials(entry.serial, serial) > 0;
}
