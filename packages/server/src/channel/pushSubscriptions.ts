import type { Row } from '../engine/engine.ts';
import { keyPart, type PushRows, type PushTable } from './pushRows.ts';

/** What is notified of the messages of a channel: one device, or all devices of a client. */
export type PushSubscription =
  | { readonly channel: string; readonly deviceId: string }
  | { readonly channel: string; readonly clientId: string };

/** Which subscriptions are asked for: those on the channel, of the device or of the client. */
export interface SubscriptionFilter {
  readonly channel?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly clientId?: string | undefined;
}

/** A page of the subscriptions that fit and that whoever asks may see. */
export interface SubscriptionQuery extends SubscriptionFilter {
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
  readonly visible?: (subscription: PushSubscription) => boolean;
}

/** Subscriptions of an app, by channel and by who has them. */
export class PushSubscriptions {
  readonly #rows: PushRows;

  constructor(rows: PushRows) {
    this.#rows = rows;
  }

  /** Nothing changes if it is there already. Rejects with 40300 when there are too many. */
  add(app: string, subscription: PushSubscription): Promise<void> {
    return this.#put(app, subscription, subscription);
  }

  /** Nothing changes if it is not there. */
  remove(app: string, subscription: PushSubscription): Promise<void> {
    return this.#put(app, subscription, undefined);
  }

  /** Removes all that fit and that `may` lets. */
  async removeAll(app: string, filter: SubscriptionFilter, may?: (one: PushSubscription) => boolean): Promise<void> {
    const going: PushSubscription[] = [];
    for await (const [, one] of this.#walk(app, filter)) if (may === undefined || may(one)) going.push(one);
    for (const one of going) await this.remove(app, one);
  }

  async list(app: string, query: SubscriptionQuery): Promise<{ items: PushSubscription[]; next?: string }> {
    const { limit, cursor, visible } = query;
    const items: PushSubscription[] = [];
    let last: string | undefined;
    for await (const [at, one] of this.#walk(app, query, cursor)) {
      if (visible?.(one) === false) continue;
      if (items.length === limit) return { items, ...(last === undefined ? {} : { next: last }) };
      items.push(one);
      last = at;
    }
    return { items };
  }

  /** A page of the names of channels that have subscriptions, those that `visible` lets. */
  async channels(
    app: string,
    {
      limit,
      cursor = '',
      visible,
    }: { limit: number; cursor?: string | undefined; visible: (channel: string) => boolean },
  ): Promise<{ items: string[]; next?: string }> {
    const items: string[] = [];
    for (let after = cursor; ; ) {
      const first = await this.#first(app, after);
      if (first === undefined) return { items };
      if (visible(first.channel)) {
        if (items.length === limit) return { items, next: after };
        items.push(first.channel);
      }
      // Sorts behind every key of the channel and before those of the next.
      after = `${keyPart(first.channel)}!`;
    }
  }

  /** All of a channel. */
  async on(app: string, channel: string): Promise<PushSubscription[]> {
    const all: PushSubscription[] = [];
    for await (const [, one] of this.#walk(app, { channel })) all.push(one);
    return all;
  }

  #put(app: string, subscription: PushSubscription, value: PushSubscription | undefined): Promise<void> {
    const [owner, channel] = [ownerPart(subscription), keyPart(subscription.channel)];
    const places = [
      ['subscriptions', `${channel} ${owner}`],
      ['subscribers', `${owner} ${channel}`],
    ] as const;
    return this.#rows.change(app, async () => {
      const was = await Promise.all(places.map(([table, key]) => this.#rows.one(app, table, key)));
      const isDone = was.every((row) => (row !== undefined) === (value !== undefined));
      const writes = places.map(([table, key], at) => ({ table, key, value, was: was[at] }));
      return { writes: isDone ? [] : writes, result: undefined };
    });
  }

  /** Where each is, for a cursor, and what it is. A device and a client that are both asked for are either of them. */
  async *#walk(
    app: string,
    { channel, deviceId, clientId }: SubscriptionFilter,
    cursor?: string,
  ): AsyncGenerator<[at: string, subscription: PushSubscription]> {
    const owners = [
      ...(deviceId === undefined ? [] : [ownerPart({ deviceId })]),
      ...(clientId === undefined ? [] : [ownerPart({ clientId })]),
    ];
    const sources: [table: PushTable, prefix: string][] =
      owners.length === 0
        ? [['subscriptions', channel === undefined ? '' : `${keyPart(channel)} `]]
        : owners.map((owner) => ['subscribers', `${owner} `]);
    const [, from = '0', after] = /^(\d+) (.*)$/s.exec(cursor ?? '') ?? [];
    for (const [at, [table, prefix]] of sources.entries()) {
      if (at < Number(from)) continue;
      const start = at === Number(from) ? after : undefined;
      for await (const row of this.#rows.under(app, table, prefix, start)) {
        const one = subscriptionIn(row);
        if (channel === undefined || one.channel === channel) yield [`${at} ${row.key}`, one];
      }
    }
  }

  async #first(app: string, after: string): Promise<PushSubscription | undefined> {
    for await (const row of this.#rows.under(app, 'subscriptions', '', after)) return subscriptionIn(row);
    return undefined;
  }
}

function ownerPart(owner: { readonly deviceId: string } | { readonly clientId: string }): string {
  return 'deviceId' in owner ? `d:${keyPart(owner.deviceId)}` : `c:${keyPart(owner.clientId)}`;
}

function subscriptionIn({ value }: Row): PushSubscription {
  return value as PushSubscription;
}
