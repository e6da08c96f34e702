import { randomBytes } from 'node:crypto';
import { Action } from '@parvis/protocol';
import { createServer, type ParvisServer, type ServerOptions } from 'parvis';
import { afterAll, afterEach, expect } from 'vitest';
import { createLog } from '../../packages/server/src/observe/log.ts';
import { ProtocolClient } from '../faults/protocolClient.ts';

/** Each cheap row is tried by one offender and by two hundred at once. */
export const crowds: readonly number[] = [1, 200];

/** How long a good client may wait for its own message while others attack, ms. Generous: test machines are shared. */
const SERVICE_MS = 4_000;

/** The good client leaves this much time between its messages, ms: it keeps to every rate that a scene may set. */
const PACE_MS = 20;

/** A server under attack, with a good client on it that wants to be served all the while. */
export interface Scene {
  readonly server: ParvisServer;
  readonly port: number;
  readonly key: string;
  /** Query of a connection with the key. */
  readonly path: string;
  /** Lines that the server logged at any level, in order, as JSON text. */
  readonly lines: string[];
  /**
   * Runs an attack while the good client publishes to itself, message after message. Fails if one of them is late or
   * lost, or if the good client is cut off.
   */
  served<T>(attack: () => Promise<T>): Promise<T>;
}

/** Starts a server for one test file, and stops it when the file is done. */
export async function startScene(options: Partial<ServerOptions> = {}): Promise<Scene> {
  const key = `app${randomBytes(3).toString('hex')}.key1:${randomBytes(20).toString('hex')}`;
  const lines: string[] = [];
  const log = createLog('debug', { write: (line) => lines.push(line) });
  const server = createServer({ port: 0, host: '127.0.0.1', keys: [key], log, ...options });
  await server.listen();
  const witness = await Witness.at(server.port, key);
  afterEach(() => expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([]));
  afterAll(async () => {
    await witness.client.close();
    await server.stop({ drainMs: 0 });
  });
  return {
    server,
    port: server.port,
    key,
    path: `/?v=6&key=${encodeURIComponent(key)}`,
    lines,
    served: (attack) => witness.during(attack),
  };
}

class Witness {
  readonly client: ProtocolClient;
  #serial = 0;

  private constructor(client: ProtocolClient) {
    this.client = client;
  }

  static async at(port: number, key: string): Promise<Witness> {
    const client = await ProtocolClient.connected(port, { key, format: 'msgpack' });
    await client.attach('witness');
    return new Witness(client);
  }

  async during<T>(attack: () => Promise<T>): Promise<T> {
    let over = false;
    const attacked = attack().finally(() => {
      over = true;
    });
    // What the attack comes to is told first, if it fails; the good client's complaint else.
    const served = this.#serve(() => over);
    served.catch(() => {});
    const result = await attacked;
    await served;
    return result;
  }

  /** Publishes to itself until the attack is over, and once more. */
  async #serve(isOver: () => boolean): Promise<void> {
    for (let last = false; ; last = isOver()) {
      const serial = this.#serial++;
      const data = `good ${serial}`;
      const before = performance.now();
      this.client.publish('witness', serial, data);
      await Promise.all([
        this.client.when(`ACK of ${data}`, ({ action, msgSerial }) => action === Action.ACK && msgSerial === serial),
        this.client.when(data, ({ messages }) => messages?.[0]?.data === data),
      ]);
      expect(performance.now() - before, 'ms that a good client waited').toBeLessThan(SERVICE_MS);
      this.client.clear();
      if (last) return;
      await new Promise((resolve) => setTimeout(resolve, PACE_MS));
    }
  }
}

/** As many offenders as asked for, each doing its thing at the same time. */
export function offend<T>(count: number, offence: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => offence(index)));
}
