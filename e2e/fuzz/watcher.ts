import {
  Action,
  isNewer,
  memberKey,
  PresenceAction,
  type PresenceMessage,
  type ProtocolMessage,
} from '@parvis/protocol';
import { expect } from 'vitest';
import type { Harness, TestClient } from '../../packages/server/test/harness.ts';

/** An honest client that listens on one channel all the while and believes what it hears, as the official client does. */
export class Watcher {
  readonly client: TestClient;
  readonly #harness: Harness;
  readonly #channel: string;
  readonly #members = new Map<string, PresenceMessage>();
  #lastSerial = '';
  /** Frames that it has heard. */
  heard = 0;

  constructor(harness: Harness, channel: string) {
    this.#harness = harness;
    this.#channel = channel;
    this.client = harness.connect({ clientId: 'watcher' });
    this.client.attach(channel, { params: { modes: 'subscribe,presence_subscribe' } });
  }

  /** Takes in what came: each position must be later than the one before. */
  hear(): void {
    for (const message of this.client.received) {
      expect(message.error).toBeUndefined();
      if (message.action === Action.MESSAGE || message.action === Action.PRESENCE) this.#take(message);
    }
    this.client.clear();
  }

  /** Somebody who comes only now must be told the same members as it knows. */
  async agreesWithNewcomer(): Promise<void> {
    const newcomer = this.#harness.connect({ clientId: 'newcomer' });
    newcomer.attach(this.#channel);
    while (newcomer.all(Action.ATTACHED).length === 0) await this.#harness.settle();
    await this.#harness.settle();
    this.hear();
    const told = newcomer.all(Action.SYNC).flatMap(({ presence = [] }) => presence);
    expect(told.map(stateOf).sort()).toEqual([...this.#members.values()].map(stateOf).sort());
    newcomer.send({ action: Action.CLOSE });
    await this.#harness.settle();
  }

  #take({ channelSerial = '', connectionId, timestamp, presence = [] }: ProtocolMessage): void {
    expect(channelSerial > this.#lastSerial, `${channelSerial} after ${this.#lastSerial}`).toBe(true);
    this.#lastSerial = channelSerial;
    this.heard += 1;
    for (const event of presence) {
      const whole = {
        ...event,
        ...(timestamp === undefined ? {} : { timestamp: event.timestamp ?? timestamp }),
        ...(event.connectionId === undefined && connectionId !== undefined ? { connectionId } : {}),
      };
      const key = memberKey(whole);
      const known = this.#members.get(key);
      if (known !== undefined && !isNewer(whole, known)) continue;
      if (whole.action === PresenceAction.LEAVE) this.#members.delete(key);
      else this.#members.set(key, whole);
    }
  }
}

/** What tells one state of a member from another. */
function stateOf({ id, clientId, connectionId, data, extras }: PresenceMessage): string {
  return JSON.stringify([connectionId, clientId, id, String(data), extras]);
}
