import { randomBytes } from 'node:crypto';
import { errors, type Message, namespaceOf } from '@parvis/protocol';
import type { App } from '../access/app.ts';
import type { Principal } from '../access/principal.ts';
import type { Publisher } from './publish.ts';
import type { PushDevice, PushDevices, PushRecipient } from './pushDevices.ts';
import type { PushSubscriptions } from './pushSubscriptions.ts';

/** What a notification holds: `notification`, `data` and what is for one vendor alone. Plain data. */
export type PushPayload = Readonly<Record<string, unknown>>;

/** Who a notification is for: one device, the devices of a client, or a recipient as a device would have it. */
export type PushTarget = { readonly deviceId: string } | { readonly clientId: string } | PushRecipient;

/** What delivery is made of. */
export interface PushDeliveryParts {
  readonly devices: PushDevices;
  readonly subscriptions: PushSubscriptions;
  /** Publishes on a channel as a client would, with the rights of the principal. */
  publish(principal: Principal, channel: string, publisher: Publisher, messages: readonly Message[]): Promise<unknown>;
  /** A notification of a channel could not be delivered to somebody. */
  report(failure: unknown, channel: string, app: App): void;
}

/** Name of the message that a notification is on a channel that receives it. */
const PUSH_MESSAGE = '__ably_push__';
/** Publishes whose notifications are still on their way; those of more are dropped, and reported. */
const MAX_UNDER_WAY = 100;
/** Devices that one notification to a client may go to. */
const MAX_RECIPIENTS = 500;

/**
 * Brings notifications to devices. Vendors' services are not called: what can be reached is a channel of the same app
 * (`ablyChannel`), where a notification is a message.
 */
export class PushDelivery {
  readonly #parts: PushDeliveryParts;
  readonly #underWay = new Set<Promise<void>>();

  constructor(parts: PushDeliveryParts) {
    this.#parts = parts;
  }

  /**
   * Resolves when everybody has it. Rejects with 40400 if there is no such device, with 103003 if there are
   * too many, and with 103006 if one of them could not be reached: then nobody gets it.
   */
  async send(app: App, target: PushTarget, payload: PushPayload): Promise<void> {
    const recipients = await this.#recipientsOf(app, target);
    if (recipients.length > MAX_RECIPIENTS) throw errors.badPush(`the client has more than ${MAX_RECIPIENTS} devices`);
    const routes = recipients.map((recipient) => routeOf(app, recipient));
    for (const { principal, channel } of routes) await this.#publish(principal, channel, payload);
  }

  /** Sends the notifications of messages to those who subscribed to their channel, and makes nobody wait. */
  forward(app: App, channel: string, messages: readonly Message[]): void {
    if (this.#underWay.size >= MAX_UNDER_WAY) {
      this.#parts.report(errors.rateLimited('too many notifications are on their way'), channel, app);
      return;
    }
    const done = this.#notify(app, channel, messages)
      .catch((failure: unknown) => this.#parts.report(failure, channel, app))
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }

  /** Resolves when nothing of what was forwarded until now is on its way. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #notify(app: App, channel: string, messages: readonly Message[]): Promise<void> {
    const devices = await this.#subscribed(app, channel);
    for (const { extras } of messages) {
      if (extras?.push === undefined) continue;
      for (const { recipient } of devices) {
        try {
          const route = routeOf(app, recipient);
          await this.#publish(route.principal, route.channel, extras.push as PushPayload);
        } catch (failure) {
          this.#parts.report(failure, channel, app);
        }
      }
    }
  }

  /** Each device once, however it is subscribed. */
  async #subscribed(app: App, channel: string): Promise<Iterable<PushDevice>> {
    const found = new Map<string, PushDevice>();
    for (const one of await this.#parts.subscriptions.on(app.id, channel)) {
      const devices =
        'clientId' in one
          ? await this.#parts.devices.ofClient(app.id, one.clientId)
          : [await this.#parts.devices.get(app.id, one.deviceId)];
      for (const device of devices) if (device !== undefined) found.set(device.id, device);
    }
    return found.values();
  }

  async #recipientsOf(app: App, target: PushTarget): Promise<PushRecipient[]> {
    if ('transportType' in target) return [target as PushRecipient];
    const devices =
      'clientId' in target
        ? await this.#parts.devices.ofClient(app.id, String(target.clientId))
        : [await this.#parts.devices.get(app.id, String(target.deviceId))];
    const recipients = devices.flatMap((device) => (device === undefined ? [] : [device.recipient]));
    if (recipients.length === 0) throw errors.notFound('device of the recipient');
    return recipients;
  }

  async #publish(principal: Principal, channel: string, payload: PushPayload): Promise<void> {
    const publisher = { clientId: undefined, idBase: randomBytes(9).toString('base64url') };
    const message = { name: PUSH_MESSAGE, data: JSON.stringify(payload) };
    await this.#parts.publish(principal, channel, publisher, [message]);
  }
}

/** Whether a message asks for a notification. Throws 40032 where the namespace has none. */
export function wantsPush(app: App, channel: string, messages: readonly Message[]): boolean {
  let wants = false;
  for (const { extras } of messages) if (extras?.push !== undefined) wants = true;
  if (wants && !isPushEnabled(app, channel)) {
    throw errors.badExtras('extras.push needs a channel in a namespace with pushEnabled');
  }
  return wants;
}

/** Whether devices can be notified of what is published on a channel. */
export function isPushEnabled(app: App, channel: string): boolean {
  return app.namespaces.get(namespaceOf(channel))?.pushEnabled === true;
}

/** Who publishes on which channel for a recipient: the key that it names. Throws 103006 or 40400. */
function routeOf(app: App, recipient: PushRecipient): { principal: Principal; channel: string } {
  if (recipient.transportType !== 'ablyChannel') throw errors.noPushTransport(recipient.transportType);
  const key = app.keys.get(String(recipient.keyName));
  if (key === undefined) throw errors.notFound('API key of the recipient');
  const { capability } = key;
  return {
    principal: { app, key, clientId: undefined, capability, method: 'key' },
    channel: String(recipient.channel),
  };
}
