import { parseKey } from '@parvis/auth';
import { assertChannelName, errors } from '@parvis/protocol';
import type { App } from '../access/app.ts';
import { secretsEqual } from '../access/constantTime.ts';
import type { PushDevice, PushRecipient } from '../channel/pushDevices.ts';

/** What a request says about a device; what it does not say is undefined. */
export interface DeviceFields {
  readonly id?: string | undefined;
  readonly clientId?: string | undefined;
  readonly deviceSecret?: string | undefined;
  readonly platform?: string | undefined;
  readonly formFactor?: string | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly recipient?: PushRecipient | undefined;
}

const platforms = ['android', 'ios', 'browser'];
const formFactors = ['phone', 'tablet', 'desktop', 'tv', 'watch', 'car', 'embedded', 'other'];
const MAX_ID_LENGTH = 256;
/** Bytes of metadata and recipient as JSON. */
const MAX_DETAILS = 4_096;

type Fields = Readonly<Record<string, unknown>>;

/** Reads the details of a device, in full or in part. Throws 40000, 40001, 40012, 40015, and what a recipient does. */
export function parseDevice(body: unknown, app: App): DeviceFields {
  const fields = mapOf(body, 'body');
  const push = fields.push === undefined ? {} : mapOf(fields.push, 'push');
  const metadata = fields.metadata == null ? undefined : mapOf(fields.metadata, 'metadata');
  const recipient = push.recipient == null ? undefined : parseRecipient(push.recipient, app);
  if (Buffer.byteLength(JSON.stringify([metadata, recipient])) > MAX_DETAILS) {
    throw errors.badRequest(`metadata and recipient of a device have at most ${MAX_DETAILS} bytes`);
  }
  return {
    id: fields.id == null ? undefined : deviceIdOf(fields.id),
    clientId: fields.clientId == null ? undefined : clientIdOf(fields.clientId),
    deviceSecret: secretOf(fields.deviceSecret),
    platform: oneOf(fields, 'platform', platforms),
    formFactor: oneOf(fields, 'formFactor', formFactors),
    metadata,
    recipient,
  };
}

/**
 * Where notifications go. A channel is given with a key that may publish on it, of this app and with its secret; of the key the
 * name alone is kept, and the address beside it is never called. Throws 40000, 40010 or 40160.
 */
export function parseRecipient(value: unknown, app: App): PushRecipient {
  const fields = mapOf(value, 'recipient');
  const { transportType } = fields;
  if (typeof transportType !== 'string' || transportType === '') {
    throw errors.badRequest('recipient needs a transportType');
  }
  if (transportType !== 'ablyChannel') return { ...fields, transportType };
  const { channel, ablyKey } = fields;
  if (typeof channel !== 'string' || channel === '' || typeof ablyKey !== 'string') {
    throw errors.badRequest('a recipient of transport ablyChannel needs channel and ablyKey');
  }
  const { name, secret } = parseKey(ablyKey);
  const key = app.keys.get(name);
  if (!secretsEqual(secret, key?.secret) || key === undefined) {
    throw errors.badRequest('ablyKey of the recipient must be an API key of this app');
  }
  if (!key.capability.allows('publish', channel)) throw errors.capabilityDenied('publish', `channel ${channel}`);
  return { transportType, channel: assertChannelName(channel), keyName: name };
}

/** Checks the id of a device. Throws 40015. */
export function deviceIdOf(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH) {
    throw errors.badDeviceId(`it must be a text of 1 to ${MAX_ID_LENGTH} characters`);
  }
  return value;
}

/** Checks a clientId that something is registered for. Throws 40012. */
export function clientIdOf(value: unknown): string {
  if (typeof value !== 'string' || value === '' || value === '*' || value.length > MAX_ID_LENGTH) {
    throw errors.badClientId(`clientId must be a text of 1 to ${MAX_ID_LENGTH} characters, and not *`);
  }
  return value;
}

/** A device as clients are told of it: without its secret, and without the key of its channel. */
export function deviceDetails({ id, clientId, platform, formFactor, metadata, recipient }: PushDevice) {
  const { keyName: _, ...shown } = recipient as Fields;
  return {
    id,
    ...(clientId === undefined ? {} : { clientId }),
    platform,
    formFactor,
    metadata,
    push: { recipient: recipient.transportType === 'ablyChannel' ? shown : recipient, state: 'ACTIVE' },
  };
}

function mapOf(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw errors.badBody(`${name} must be an object`);
  }
  return value as Fields;
}

function oneOf(fields: Fields, name: string, allowed: readonly string[]): string | undefined {
  const value = fields[name];
  if (value == null) return undefined;
  if (!allowed.includes(value as string)) throw errors.badRequest(`${name} must be one of ${allowed.join(', ')}`);
  return value as string;
}

function secretOf(value: unknown): string | undefined {
  if (value == null) return undefined;
  if (typeof value !== 'string' || value === '' || value.length > MAX_ID_LENGTH) {
    throw errors.badRequest(`deviceSecret must be a text of 1 to ${MAX_ID_LENGTH} characters`);
  }
  return value;
}
