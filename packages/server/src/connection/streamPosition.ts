import { createHash } from 'node:crypto';
import { parseSerial } from '@parvis/protocol';
import type { QualifiedName } from '../channel/qualifiedName.ts';

/** Where a stream stands on one channel: behind this entry, and behind so many messages of what follows it. */
export interface ChannelPosition {
  readonly serial: string;
  readonly taken: number;
}

/** Of each channel that an id tells of, by its mark. */
export type StreamPositions = ReadonlyMap<string, ChannelPosition>;

const positionPattern = /^([\w-]{6})(\d{14}-\d{6}@[\w-]{1,64})(?:\.(\d{1,4}))?$/;

/**
 * Where a stream stands on all its channels. Its id is all of it in one text, so that a client can go on from any event at
 * any node: positions, each behind the mark of its channel, joined by `~`. All characters may stand in a query as they are.
 */
export class StreamPosition {
  readonly #byName: ReadonlyMap<string, { readonly mark: string; serial: string; taken: number }>;

  constructor(names: readonly QualifiedName[]) {
    this.#byName = new Map(names.map((name) => [name.requested, { mark: markOf(name), serial: '', taken: 0 }]));
  }

  /** All up to this entry of the channel has been sent; with none, the channel has no place. */
  move(requested: string, serial: string): void {
    const position = this.#byName.get(requested);
    if (position === undefined) return;
    position.serial = serial;
    position.taken = 0;
  }

  /** Of what follows on the channel this many messages have been sent. */
  take(requested: string, count: number): void {
    const position = this.#byName.get(requested);
    if (position !== undefined) position.taken = count;
  }

  /** Channels that are not attached yet are not in it. */
  get id(): string {
    let id = '';
    for (const { mark, serial, taken } of this.#byName.values()) {
      if (serial === '') continue;
      id += `${id === '' ? '' : '~'}${mark}${serial}${taken === 0 ? '' : `.${taken}`}`;
    }
    return id;
  }
}

/** Reads an id of ours; what is none says nothing. */
export function readStreamId(id: string): StreamPositions {
  const positions = new Map<string, ChannelPosition>();
  for (const text of id.split('~')) {
    const [, mark = '', serial = '', taken = '0'] = positionPattern.exec(text) ?? [];
    if (parseSerial(serial) !== undefined) positions.set(mark, { serial, taken: Number(taken) });
  }
  return positions;
}

/** What stands for a channel in an id: short, whatever its name; params do not count. */
export function markOf({ channel, filter }: QualifiedName): string {
  return createHash('sha256').update(`${filter}\n${channel}`).digest('base64url').slice(0, 6);
}
