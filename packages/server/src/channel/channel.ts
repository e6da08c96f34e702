import type { PresenceMessage } from '@parvis/protocol';
import { errors, Mode } from '@parvis/protocol';
import type { Namespace } from '../access/app.ts';
import type { Clock } from '../clock.ts';
import type { ChannelRef, Draft, Engine, Entry, Row, Sink } from '../engine/engine.ts';
import { type AppCounters, countInto } from '../observe/appCounters.ts';
import type { Meter } from '../observe/meter.ts';
import type { Attachment } from './attachment.ts';
import { Audience } from './audience.ts';
import { CatchUp } from './catchUp.ts';
import { FanOut } from './fanOut.ts';
import { Lane } from './lane.ts';
import { anyLocks, LockArbiter } from './lockArbiter.ts';
import { counterTable } from './lockRows.ts';
import { MemberSet } from './memberSet.ts';
import { type Metachannels, requireWritable } from './metachannels.ts';
import type { OccupancyMetrics } from './occupancy.ts';
import { draftLeaves, draftPresence, type Member, type PresenceOrigin } from './presence.ts';
import { presenceTable } from './presenceTable.ts';
import { ruleOf } from './rule.ts';
import { sendSync } from './sendSync.ts';

/** What a channel is made with. */
export interface ChannelParts {
  /** What its name belongs to, if that has rules. */
  readonly namespace: Namespace | undefined;
  readonly ref: ChannelRef;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly meter: Meter;
  /** Where what goes through the channel is counted. */
  readonly counters: AppCounters;
  /** Where changes of occupancy are told. */
  readonly meta: Metachannels;
  /** Whether its namespace is persisted. */
  readonly persisted: boolean;
  readonly maxMembers: number;
  readonly maxPresenceBytes: number;
  /** Whether its messages may be changed and annotated. */
  readonly mutable: boolean;
  /** ms in which a change of occupancy that is not told at once is told at the latest. */
  readonly occupancyIntervalMs: number;
  /** An append that nobody waits for has failed. */
  readonly report: (failure: unknown, channel: string) => void;
  /** Continuity of the feed was lost, and the channel has joined again: tell who is attached. */
  readonly onLost: (channel: Channel) => void;
}

/** Presence drafts are made from this node's view; another node may be faster this often before we give up. */
const MAX_ATTEMPTS = 8;
/** Every change of a lock meets every other on its channel, wherever it is made. */
const MAX_LOCK_ATTEMPTS = 100;

/** One named channel on this node: it hears the feed, keeps the presence set, and hands entries to the fan-out. */
export class Channel implements Sink {
  readonly ref: ChannelRef;
  readonly rule;
  readonly members: MemberSet;
  readonly fanOut: FanOut;
  readonly audience: Audience;
  /** Who decides about locks, where the service does. */
  readonly locks: LockArbiter | undefined;
  /** Serial of the last entry heard: where a fresh attach starts. */
  position = '';
  /** ms of the clock since when nobody is attached; undefined while somebody is. */
  idleSince: number | undefined;
  readonly #parts: ChannelParts;
  readonly #joining = new Set<Attachment>();
  readonly #presenceLane = new Lane();

  constructor(parts: ChannelParts) {
    this.#parts = parts;
    this.ref = parts.ref;
    this.rule = ruleOf(parts.ref.name, parts.namespace);
    this.locks = this.rule.locks === true ? this.#arbiter() : undefined;
    this.members = new MemberSet(parts.ref.name, parts.maxMembers, parts.maxPresenceBytes, this.locks?.book);
    this.fanOut = new FanOut(parts.ref.name, this.rule, parts.clock, parts.meter);
    this.fanOut.onLate = (attachments) => {
      this.#catchUp(attachments).catch((failure) => this.#parts.report(failure, this.name));
    };
    this.audience = new Audience({
      ...parts,
      members: () => this.members.size,
      attachments: () => this.fanOut.attachments,
      settle: () => {
        this.fanOut.flush();
        return this.position;
      },
    });
    this.idleSince = parts.clock.now();
  }

  get name(): string {
    return this.ref.name;
  }

  /** ms since the epoch. */
  now(): number {
    return this.#parts.clock.now();
  }

  /** Whether its messages may be changed and annotated. */
  get mutable(): boolean {
    return this.#parts.mutable;
  }

  /** Starts the feed. */
  async open(): Promise<void> {
    const { position, rows } = await this.#parts.engine.join(this.ref, this);
    this.position = position;
    this.members.load(rows);
    this.locks?.load(position, rows);
    this.audience.changed();
  }

  /** Ends the feed. */
  close(): Promise<void> {
    this.fanOut.flush();
    this.audience.stop();
    return this.#parts.engine.part(this.ref, this);
  }

  entry(entry: Entry): void {
    this.position = entry.serial;
    if (entry.kind === 'presence') this.members.fold(entry);
    for (const attachment of this.#joining) attachment.held?.push(entry);
    this.fanOut.deliver(entry);
    this.audience.delivered(entry);
    if (entry.kind === 'presence') this.audience.changed();
    this.locks?.entry(entry);
  }

  lapsed(rows: Row[]): void {
    const gone = this.members.lapse(rows);
    if (gone.length > 0) {
      this.#runLane(() => this.#appendLapsed(gone));
      this.audience.changed();
    }
    this.locks?.lapsed(rows);
  }

  lost(): void {
    this.#runLane(async () => {
      await this.open();
      this.#parts.onLost(this);
    });
  }

  /** Holds live entries for an attachment while its backlog is read. */
  hold(attachment: Attachment): void {
    this.fanOut.flush();
    this.idleSince = undefined;
    this.#joining.add(attachment);
  }

  /** What was held for an attachment; from here on it is live. */
  release(attachment: Attachment): Entry[] {
    this.#joining.delete(attachment);
    const held = attachment.held ?? [];
    attachment.held = undefined;
    this.fanOut.add(attachment);
    this.audience.add(attachment);
    return held;
  }

  /** Sends an attachment who is present, at its pace. `afterGap`: it knows members, and may have missed changes of them. */
  sync(attachment: Attachment, afterGap = false): void {
    sendSync(attachment, afterGap && attachment.syncsTwice).catch((failure) => this.#parts.report(failure, this.name));
  }

  /** Gives an attachment other modes. */
  regrant(attachment: Attachment, modes: number): void {
    // While it was sent no messages it got no versions of them.
    if ((modes & ~attachment.modes & Mode.SUBSCRIBE) !== 0) attachment.startFrom(this.position);
    if (attachment.slot >= 0) this.audience.regrant(attachment, modes);
    else attachment.modes = modes;
  }

  /** Who is on the channel. */
  metrics(): OccupancyMetrics {
    return this.audience.metrics();
  }

  /** Nothing is sent to this attachment any more. Members of its connection stay. */
  remove(attachment: Attachment): void {
    this.#joining.delete(attachment);
    attachment.held = undefined;
    attachment.syncing = undefined;
    const wasLive = attachment.slot >= 0;
    this.fanOut.remove(attachment);
    if (wasLive) this.audience.remove(attachment);
    if (this.fanOut.size === 0 && this.#joining.size === 0) this.idleSince = this.#parts.clock.now();
  }

  /** Applies the events of one PRESENCE frame, all or none; resolves when they are stored (or nothing was to change). */
  submitPresence(origin: PresenceOrigin, events: readonly PresenceMessage[]): Promise<void> {
    return this.#presenceLane.run(async () => {
      requireWritable(this.name);
      await this.locks?.caughtUp();
      const left = this.locks === undefined ? events : await this.locks.settle(origin, events);
      const draft = await this.#append(() => this.#draftPresence(origin, left));
      if (draft === undefined) return;
      const { counters, persisted } = this.#parts;
      countInto(counters.inbound.realtime.presence, events);
      if (persisted) countInto(counters.persisted.presence, events);
    });
  }

  /** Makes the members of a connection leave: it detached, or lost the right to be present. */
  leave(connectionId: string): Promise<void> {
    return this.#presenceLane.run(async () => {
      await this.#append(() => {
        const members = this.members.ofConnection(connectionId);
        return members.length === 0 ? undefined : this.#draftLeaves(members, 'unset');
      });
    });
  }

  /**
   * Makes a draft from the present state and appends it, again if another node changed that state meanwhile. Resolves with
   * what was appended, if anything was.
   */
  async #append(make: () => Draft | undefined): Promise<Draft | undefined> {
    const attempts = this.locks === undefined ? MAX_ATTEMPTS : MAX_LOCK_ATTEMPTS;
    for (let attempt = 0; attempt < attempts; attempt++) {
      const draft = make();
      if (draft === undefined) return undefined;
      const result = await this.#parts.engine.append(this.ref, draft);
      if (result.outcome !== 'refused') this.locks?.await(result.entry.serial);
      if (result.outcome === 'appended') return draft;
      if (result.outcome === 'duplicate') return undefined;
      await this.#learn(draft, result.rows);
    }
    throw errors.unavailable(`presence of channel ${this.name} changes too fast; try again`);
  }

  /** What the engine says of the state that a draft was refused for. */
  async #learn({ expect = [] }: Draft, rows: readonly (Row | undefined)[]): Promise<void> {
    for (const [index, { table, key }] of expect.entries()) {
      const row = rows[index];
      if (table === presenceTable) this.members.put(key, row);
      else if (table === counterTable && row !== undefined) this.locks?.await(row.serial);
    }
    await this.locks?.caughtUp();
  }

  #draftPresence(origin: PresenceOrigin, events: readonly PresenceMessage[]): Draft | undefined {
    if (this.locks === undefined) return draftPresence(origin, events, this.members);
    const turn = this.locks.turn();
    const draft = draftPresence(origin, events, this.members, turn);
    if (draft !== undefined) this.locks.lease(turn.footing().leases);
    return draft;
  }

  #draftLeaves(members: readonly Member[], state: 'unset' | 'lapsed'): Draft {
    const turn = this.locks !== undefined && anyLocks(members) ? this.locks.turn() : undefined;
    return draftLeaves(members, state, leaveIdOf(members), turn);
  }

  #arbiter(): LockArbiter {
    return new LockArbiter({
      ref: this.ref,
      engine: this.#parts.engine,
      clock: this.#parts.clock,
      member: (key) => this.members.get(key),
      append: (make) => this.#append(make),
      later: (task) => this.#runLane(task),
      report: (failure) => this.#parts.report(failure, this.name),
    });
  }

  /** Tells of lapsed members. Any node may do so; whoever entered again in the meantime stays. */
  async #appendLapsed(members: Member[]): Promise<void> {
    let left = members;
    while (left.length > 0) {
      await this.locks?.caughtUp();
      const draft = this.#draftLeaves(left, 'lapsed');
      const result = await this.#parts.engine.append(this.ref, draft);
      if (result.outcome !== 'refused') {
        this.locks?.await(result.entry.serial);
        return;
      }
      await this.#learn(draft, result.rows);
      left = left.filter((_, index) => result.rows[index] === undefined);
    }
  }

  /** Shows these attachments what they lack, then all that came meanwhile. */
  async #catchUp(attachments: readonly Attachment[]): Promise<void> {
    const catchUp = new CatchUp(this.#parts.engine, this.ref);
    const waiting = () => attachments.filter(({ late }) => late !== undefined);
    try {
      await catchUp.read(() => waiting().map((attachment) => [attachment, attachment.late ?? []]));
    } catch (failure) {
      for (const attachment of waiting()) this.fanOut.resume(attachment);
      this.#parts.onLost(this);
      throw failure;
    }
    for (const attachment of waiting()) {
      const held = this.fanOut.resume(attachment);
      for (const entry of catchUp.show(attachment, held, new Map())) this.fanOut.deliverTo(attachment, entry);
    }
  }

  #runLane(task: () => Promise<void>): void {
    this.#presenceLane.run(task).catch((failure) => this.#parts.report(failure, this.name));
  }
}

/**
 * The same on every node for the same members, so that a lapse told by two nodes is one leave. A member leaves from one
 * state of its row once, so the state of one of them tells this leave from all others. Begins with no connection's id.
 */
function leaveIdOf(members: readonly Member[]): string {
  const first = members[0];
  return `leave-${first?.serial}-${first?.message.id}`;
}
