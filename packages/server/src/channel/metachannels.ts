import { randomBytes } from 'node:crypto';
import { errors } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { ChannelRef, Engine } from '../engine/engine.ts';
import type { MessagePayload } from './entryView.ts';
import { Rate } from './rate.ts';

/** What the service tells on channels of its own, `[meta]` and one of these (protocol reference 4.9). */
export type MetaName =
  | 'channel.lifecycle'
  | 'connection.lifecycle'
  | 'clientEvents'
  | 'clientEvents:connections'
  | 'clientEvents:apiRequests'
  | 'log'
  | 'log:push'
  | 'stats:minute';

const PREFIX = '[meta]';
const names: ReadonlySet<string> = new Set<MetaName>([
  'channel.lifecycle',
  'connection.lifecycle',
  'clientEvents',
  'clientEvents:connections',
  'clientEvents:apiRequests',
  'log',
  'log:push',
  'stats:minute',
]);
/** Events a second of one channel; of more, those are told that come first. */
const MAX_RATE = 200;

/** Whether a channel is one that the service writes to and nobody else. */
export function isMetachannel(channel: string): boolean {
  return channel.startsWith(PREFIX);
}

/** Throws 40010 for a channel with `[meta]` that there is not. */
export function assertMetachannel(channel: string): void {
  if (isMetachannel(channel) && !names.has(channel.slice(PREFIX.length))) {
    throw errors.badChannelName(
      `there is no ${channel}; there are ${[...names].map((name) => PREFIX + name).join(', ')}`,
    );
  }
}

/** Throws 40160 for a channel that nobody may publish to or be present on. */
export function requireWritable(channel: string): void {
  if (isMetachannel(channel)) throw errors.readOnlyChannel(channel);
}

/** What metachannels are made with. */
export interface MetachannelsParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly report: (failure: unknown, channel: string) => void;
}

/**
 * The channels on which the service tells what happens in an app. Events are made while such a channel is open on this
 * node: from the first attachment until a while after the last is gone, so that a client that comes back has missed none.
 */
export class Metachannels {
  readonly #parts: MetachannelsParts;
  /** By app and name, those that are open. */
  readonly #open = new Map<string, { readonly ref: ChannelRef; readonly rate: Rate }>();

  constructor(parts: MetachannelsParts) {
    this.#parts = parts;
  }

  opened(ref: ChannelRef): void {
    this.#open.set(keyOf(ref.app, ref.name), { ref, rate: new Rate(MAX_RATE) });
  }

  closed({ app, name }: ChannelRef): void {
    this.#open.delete(keyOf(app, name));
  }

  /** Whether what is told would be heard. Costs nothing while no such channel of any app is open. */
  isHeard(app: string, name: MetaName): boolean {
    return this.#open.size > 0 && this.#open.has(keyOf(app, PREFIX + name));
  }

  /** Tells an event; its data is made if somebody hears it. Nobody waits for it. */
  tell(app: string, name: MetaName, event: string, data: () => unknown): void {
    if (this.#open.size === 0) return;
    const open = this.#open.get(keyOf(app, PREFIX + name));
    if (open === undefined || !open.rate.take(1, this.#parts.clock.now())) return;
    const messages = [{ name: event, data: JSON.stringify(data()), encoding: 'json' }];
    const payload: MessagePayload = { idBase: `meta-${randomBytes(9).toString('base64url')}`, messages };
    this.#parts.engine
      .append(open.ref, { kind: 'message', payload })
      .catch((failure) => this.#parts.report(failure, open.ref.name));
  }
}

function keyOf(app: string, name: string): string {
  return `${app} ${name}`;
}
