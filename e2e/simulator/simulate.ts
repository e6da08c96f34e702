import OfficialDefault from '@ably/spaces';
import { Action } from '@parvis/protocol';
import Ours, { type Space } from '@parvis/spaces';
import { LockDesk } from '@parvis/spaces/locks';
import type { SeededRandom } from '@parvis/testing';
import * as Ably from 'ably';
import type { Engine } from '../../packages/server/src/engine/engine.ts';
import { TestClient } from '../../packages/server/test/harness.ts';
import { LockHistory } from './lockHistory.ts';
import { Network } from './network.ts';
import { simulatedKey, simulatedNode } from './simulatedNode.ts';
import { VirtualTime } from './virtualTime.ts';

const OfficialSpaces = (OfficialDefault as unknown as { default?: typeof OfficialDefault }).default ?? OfficialDefault;
const room = 'room::$space';
/** The same length, and no channel of a space to the server: there it decides nothing. */
const unserved = 'room::$plain';
/** ms after which the locks of who has vanished are free: grace of the connection, and what a sweep takes. */
const BOUND_MS = 20_000;

/** What is simulated. */
export interface Plan {
  readonly random: SeededRandom;
  readonly steps: number;
  /** Whether the server decides on locks; else nobody but the clients does. */
  readonly isServed: boolean;
  readonly sdks: 'mixed' | 'official';
  readonly plant?: (engine: Engine) => Engine;
}

interface Person {
  readonly clientId: string;
  readonly sdk: 'official' | 'ours';
  readonly client: Ably.Realtime;
  readonly space: Space;
  readonly desk: LockDesk | undefined;
  location: unknown;
  isGone: boolean;
}

/** Runs a room to quiet and returns what went wrong in it: nothing, if all promises were kept. */
export async function simulate(plan: Plan): Promise<string[]> {
  const time = new VirtualTime();
  time.install(plan.random.next);
  const simulation = new Simulation(plan, time);
  try {
    return await simulation.run();
  } finally {
    await simulation.stop();
    time.restore();
  }
}

class Simulation {
  readonly #plan: Plan;
  readonly #time: VirtualTime;
  readonly #network: Network;
  readonly #history: LockHistory;
  readonly #people: Person[] = [];
  readonly #uninstall: () => void;

  constructor(plan: Plan, time: VirtualTime) {
    this.#plan = plan;
    this.#time = time;
    this.#history = new LockHistory(plan.isServed);
    const node = simulatedNode(plan.plant);
    this.#network = new Network(time, node, { delay: () => 1 + plan.random.below(plan.random.below(10) ? 12 : 120) });
    if (!plan.isServed) {
      this.#network.upward = (text) => text.replaceAll(room, unserved);
      this.#network.downward = (text) => text.replaceAll(unserved, room);
    }
    this.#uninstall = this.#network.install();
  }

  async run(): Promise<string[]> {
    const { random, steps } = this.#plan;
    this.#observe();
    const count = 2 + random.below(5);
    for (let i = 0; i < count; i++) void this.#join(`user${i}`);
    await this.#time.pass(800);
    for (let step = 0; step < steps; step++) {
      this.#act();
      await this.#time.pass(random.below(4) ? random.below(40) : random.below(1_500));
    }
    const vanished = this.#vanish();
    await this.#time.pass(BOUND_MS);
    this.#outlived(vanished);
    await this.#time.pass(30_000);
    await this.#compare();
    return this.#history.violations;
  }

  async stop(): Promise<void> {
    for (const { desk } of this.#people) desk?.dispose();
    // Who is cut off comes back before it closes: the official SDK does not wait for all that it sends, and what is
    // rejected then has nobody to catch it.
    this.#network.heldUntil.clear();
    await this.#time.pass(40_000);
    for (const { client } of this.#people) client.close();
    await this.#time.pass(1_000);
    this.#uninstall();
  }

  #observe(): void {
    const observer = new TestClient();
    const { received } = observer;
    received.push = (...messages) => {
      for (const message of messages) {
        if (message.error) this.#history.violations.push(`the observer is refused: ${message.error.message}`);
        if (message.action === Action.PRESENCE) this.#history.read(message);
      }
      return 0;
    };
    this.#network.node.accept(
      observer.transport,
      new URLSearchParams({ key: simulatedKey, v: '6', clientId: 'observer' }),
      true,
    );
    this.#time.after(1, () => observer.attach(this.#plan.isServed ? room : unserved));
    // It is never lost: a heartbeat often enough.
    const beat = () => {
      observer.send({ action: Action.HEARTBEAT });
      this.#time.after(10_000, beat);
    };
    this.#time.after(10_000, beat);
  }

  async #join(clientId: string): Promise<void> {
    const sdk = this.#plan.sdks === 'official' || this.#plan.random.below(2) ? 'official' : 'ours';
    const client = new Ably.Realtime({
      key: simulatedKey,
      clientId,
      endpoint: '127.0.0.1',
      port: 1,
      tls: false,
      useBinaryProtocol: false,
      disableConnectivityCheck: true,
      transports: ['web_socket'],
      logLevel: 0,
    } as unknown as Ably.ClientOptions);
    // HTTP is not simulated; it would tell this same clock.
    client.time = async () => Date.now();
    const made = sdk === 'official' ? new OfficialSpaces(client).get('room') : new Ours(client).get('room');
    const space = (await made) as unknown as Space;
    const desk = sdk === 'ours' ? new LockDesk(space) : undefined;
    const person: Person = { clientId, sdk, client, space, desk, location: null, isGone: false };
    await space.enter({ name: clientId });
    this.#people.push(person);
  }

  #act(): void {
    const { random } = this.#plan;
    const person = this.#people[random.below(this.#people.length)];
    if (!person) return;
    const { space, desk, clientId } = person;
    const id = `lock${random.below(3)}`;
    const ignore = () => {};
    const actions: (() => void)[] = [
      () => void space.locks.acquire(id).catch(ignore),
      () => void space.locks.acquire(id).catch(ignore),
      () => void space.locks.acquire(id).catch(ignore),
      () => void space.locks.release(id).catch(ignore),
      () => void space.locks.release(id).catch(ignore),
      () => void this.#move(person),
      () => void this.#move(person),
      () => this.#network.cut(clientId, random.below(600)),
      () => this.#network.heldUntil.set(clientId, this.#time.now + random.below(1_500)),
      () => {
        this.#network.pausedUntil = this.#time.now + random.below(800);
      },
      () => void (this.#plan.isServed && desk?.acquire(id, { wait: true, timeout: 3_000 }).catch(ignore)),
      () => void (this.#plan.isServed && desk?.acquireAll(['lock0', 'lock1'], {}).catch(ignore)),
      () => void space.locks.acquire(id).then(() => this.#move(person), ignore),
    ];
    actions[random.below(actions.length)]?.();
  }

  async #move(person: Person): Promise<void> {
    const location = { at: this.#plan.random.below(1_000_000) };
    await person.space.locations.set(location).then(
      () => {
        person.location = location;
      },
      () => {},
    );
  }

  /** One member is cut off for good. */
  #vanish(): Person | undefined {
    const person = this.#people[this.#plan.random.below(this.#people.length)];
    if (!person || this.#people.length < 2) return undefined;
    person.isGone = true;
    this.#network.cut(person.clientId, 10 * 60_000);
    return person;
  }

  #outlived(person: Person | undefined): void {
    for (const [id, { key }] of this.#history.holders) {
      if (person && key.endsWith(`:${person.clientId}`)) this.#history.violations.push(`outlived: ${id} of ${key}`);
    }
  }

  /** After quiet: everybody sees the same holders, and those are the engine's; nobody's acknowledged location is lost. */
  async #compare(): Promise<void> {
    const { violations, holders, hurried } = this.#history;
    const here = this.#people.filter(({ isGone }) => !isGone);
    for (const { space, clientId, sdk } of here) {
      for (const id of ['lock0', 'lock1', 'lock2']) {
        const seen = space.locks.get(id)?.member;
        const key = seen && `${seen.connectionId}:${seen.clientId}`;
        const held = holders.get(id)?.key;
        // Its defect: of two messages told at once it may take the later one first.
        const isKnown = sdk === 'official' && [key, held].some((one) => one && hurried.has(one));
        if (key !== held && !isKnown)
          violations.push(`disagreement: ${clientId} (${sdk}) sees ${key} hold ${id}, the room ${held}`);
      }
    }
    const [witness] = here;
    let members: { clientId: string; location: unknown }[] = [];
    void witness?.space.members.getAll().then((all) => {
      members = all;
    });
    await this.#time.pass(100);
    for (const { clientId, location, sdk } of here) {
      const shown = members.find((member) => member.clientId === clientId)?.location ?? null;
      // Official members lose locations by themselves: each of their calls sends what was echoed last.
      if (sdk === 'ours' && JSON.stringify(shown) !== JSON.stringify(location)) {
        violations.push(
          `lost update: ${clientId} is shown at ${JSON.stringify(shown)}, not ${JSON.stringify(location)}`,
        );
      }
    }
  }
}
