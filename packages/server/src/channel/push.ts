import type { Engine } from '../engine/engine.ts';
import { PushDelivery, type PushDeliveryParts } from './pushDelivery.ts';
import { PushDevices } from './pushDevices.ts';
import { PushRows } from './pushRows.ts';
import { PushSubscriptions } from './pushSubscriptions.ts';

/** Push of a node: devices, what they subscribed to, and delivery (protocol reference 4.11). */
export class Push {
  readonly devices: PushDevices;
  readonly subscriptions: PushSubscriptions;
  readonly delivery: PushDelivery;
  readonly #rows: PushRows;

  constructor(engine: Engine, parts: Pick<PushDeliveryParts, 'publish' | 'report'>) {
    this.#rows = new PushRows(engine);
    this.devices = new PushDevices(this.#rows);
    this.subscriptions = new PushSubscriptions(this.#rows);
    const { devices, subscriptions } = this;
    this.delivery = new PushDelivery({ devices, subscriptions, ...parts });
  }

  /** Removes a device and its own subscriptions, those first: none is ever left without its device. */
  async removeDevice(app: string, id: string): Promise<void> {
    await this.subscriptions.removeAll(app, { deviceId: id });
    await this.devices.remove(app, id);
  }

  /** Forgets all of an app that is gone. */
  clear(app: string): Promise<void> {
    return this.#rows.clear(app);
  }
}
