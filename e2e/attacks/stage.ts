import { Action, type Format, type ProtocolMessage } from '@parvis/protocol';
import { expect } from 'vitest';
import { Harness, type HarnessOptions, type TestClient } from '../../packages/server/test/harness.ts';

export const formats: readonly Format[] = ['json', 'msgpack'];

/** A node without sockets under attack frame by frame, with a good client that must be served all the while. */
export class Stage {
  readonly harness: Harness;
  readonly #good: TestClient;

  private constructor(harness: Harness, good: TestClient) {
    this.harness = harness;
    this.#good = good;
  }

  static async set(options?: HarnessOptions): Promise<Stage> {
    const harness = new Harness(options);
    const good = harness.connect({ clientId: 'good' });
    good.attach('witness');
    await harness.settle();
    return new Stage(harness, good);
  }

  connect(format: Format, query: Record<string, string> = {}): TestClient {
    return this.harness.connect({ format, ...query });
  }

  async attached(format: Format, channel: string, more: Partial<ProtocolMessage> = {}): Promise<TestClient> {
    const client = this.connect(format);
    client.attach(channel, more);
    await this.harness.settle();
    return client;
  }

  settle(): Promise<void> {
    return this.harness.settle();
  }

  /** The good client publishes and gets its ACK and its message, and nothing else. */
  async isServed(): Promise<void> {
    this.#good.clear();
    this.#good.publish('witness', { data: 'still here' });
    await this.settle();
    this.#good.one(Action.ACK);
    expect(this.#good.one(Action.MESSAGE).messages?.[0]?.data).toBe('still here');
    expect(this.#good.received).toHaveLength(2);
  }
}

/** The code of the one error that a client was told, whatever carried it. */
export function codeOf(client: TestClient): number | undefined {
  const told = client.received.flatMap(({ error }) => (error === undefined ? [] : [error.code]));
  return told.length === 1 ? told[0] : undefined;
}

/** A value nested so many levels deep: lists in lists around a number. */
export function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}
