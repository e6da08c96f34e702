import { memberKey, PresenceAction, sizeOf } from '@parvis/protocol';
import type { Entry, Row } from '../engine/engine.ts';
import { type PresencePayload, presenceOf } from './entryView.ts';
import type { Frame } from './frame.ts';
import type { StoredPresence } from './lock.ts';
import type { LockBook } from './lockBook.ts';
import { type Member, type PresenceSet, presentOf } from './presence.ts';
import { presenceTable } from './presenceTable.ts';
import { syncPages } from './syncPages.ts';

/** The presence set of a channel as this node knows it: a fold of the feed, started from the rows at joining. */
export class MemberSet implements PresenceSet {
  readonly maxMembers: number;
  readonly maxBytes: number;
  readonly #members = new Map<string, Member>();
  readonly #channel: string;
  #bytes = 0;
  #sync: Frame[] | undefined;

  readonly #locks: LockBook | undefined;

  /** What members have to do with locks goes into `locks`, if somebody keeps it. */
  constructor(channel: string, maxMembers: number, maxBytes: number, locks?: LockBook) {
    this.#locks = locks;
    this.#channel = channel;
    this.maxMembers = maxMembers;
    this.maxBytes = maxBytes;
  }

  get size(): number {
    return this.#members.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Member | undefined {
    return this.#members.get(key);
  }

  /** Members of one connection. */
  ofConnection(connectionId: string): Member[] {
    return [...this.#members.values()].filter((member) => member.message.connectionId === connectionId);
  }

  /** Starts over from rows of the presence table. */
  load(rows: readonly Row[]): void {
    this.#members.clear();
    this.#locks?.clear();
    this.#bytes = 0;
    for (const row of rows) if (row.table === presenceTable) this.put(row.key, row);
    this.#sync = undefined;
  }

  /** What the engine says of one key, when it refused a draft made from an older state. */
  put(key: string, row: Row | undefined): void {
    this.#remove(key);
    if (row === undefined) return;
    this.#set(key, { message: row.value as StoredPresence, serial: row.serial, time: row.time });
  }

  /** Takes the events of an entry. */
  fold(entry: Entry): void {
    const { stored } = entry.payload as PresencePayload;
    for (const [index, event] of presenceOf(entry).entries()) {
      const key = memberKey(event);
      if (event.action === PresenceAction.LEAVE) this.#left(key);
      else this.#set(key, { message: stored?.[index] ?? event, serial: entry.serial, time: entry.time });
    }
  }

  /** Takes out members whose rows have lapsed, unless they entered again since; returns those taken out. */
  lapse(rows: readonly Row[]): Member[] {
    const gone: Member[] = [];
    for (const row of rows) {
      const member = row.table === presenceTable ? this.#members.get(row.key) : undefined;
      if (member === undefined || member.serial !== row.serial) continue;
      this.#remove(row.key);
      gone.push(member);
    }
    return gone;
  }

  /**
   * The whole set as SYNC frames, made once for as long as nothing changes. Entries repeat the id, time and state of the
   * last enter or update, with the action `present` (spec RTP17, RTP18).
   */
  syncFrames(): Frame[] {
    if (this.#sync !== undefined) return this.#sync;
    this.#sync = syncPages(this.#channel, [...this.#members.values()].map(presentOf));
    return this.#sync;
  }

  #set(key: string, member: Member): void {
    this.#remove(key);
    this.#members.set(key, member);
    this.#locks?.set(key, member.message.locking);
    this.#bytes += sizeOf(member.message);
    this.#sync = undefined;
  }

  /** What a member holds it holds until all are told that it left: else they would see the next holder before that. */
  #left(key: string): void {
    this.#remove(key);
    this.#locks?.set(key, undefined);
  }

  #remove(key: string): void {
    const member = this.#members.get(key);
    if (member === undefined) return;
    this.#members.delete(key);
    this.#bytes -= sizeOf(member.message);
    this.#sync = undefined;
  }
}
