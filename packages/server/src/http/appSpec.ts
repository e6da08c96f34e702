import { errors, PresenceAction, type PresenceMessage, parsePresenceMessage } from '@parvis/protocol';
import type { Namespace } from '../access/app.ts';
import { checkBatching } from '../access/batching.ts';

/** A key to be made. */
export interface KeySpec {
  /** JSON text, as it was given. */
  readonly capability: string;
  readonly revocableTokens: boolean;
}

/** Members of a channel who are there from the start. */
export interface ChannelSpec {
  readonly name: string;
  readonly presence: readonly PresenceMessage[];
}

/** An app to be made. */
export interface AppSpec {
  readonly keys: readonly KeySpec[];
  readonly namespaces: readonly Namespace[];
  readonly channels: readonly ChannelSpec[];
  readonly maxPresenceMembers?: number;
}

type Fields = Readonly<Record<string, unknown>>;

const MAX_ITEMS = 100;
/** ms */
const DEFAULT_INTERVAL = 20;
const everything = '{"*":["*"]}';

/** Reads the body of `POST /apps`; fields that say nothing to us are passed over. Throws 40000, 40001 or 40012. */
export function parseAppSpec(body: unknown): AppSpec {
  if (!isMap(body)) throw errors.badBody('body must be an object with keys, namespaces and channels');
  const keys = listOf(body, 'keys').map(keySpec);
  const maxPresenceMembers = maxMembersOf(body);
  return {
    keys: keys.length === 0 ? [keySpec({})] : keys,
    namespaces: listOf(body, 'namespaces').map(namespaceSpec),
    channels: listOf(body, 'channels').map(channelSpec),
    ...(maxPresenceMembers === undefined ? {} : { maxPresenceMembers }),
  };
}

function keySpec({ capability, revocableTokens }: Fields): KeySpec {
  const text = typeof capability === 'object' && capability !== null ? JSON.stringify(capability) : capability;
  return {
    capability: typeof text === 'string' ? text : everything,
    revocableTokens: revocableTokens === true,
  };
}

function namespaceSpec(fields: Fields): Namespace {
  return {
    id: textOf(fields, 'id'),
    persisted: fields.persisted === true,
    pushEnabled: fields.pushEnabled === true,
    mutableMessages: fields.mutableMessages === true,
    ...batchingSpec(fields),
  };
}

/** The switches are those of Ably's control API. */
function batchingSpec(fields: Fields): Partial<Namespace> {
  const { batchingEnabled, batchingInterval, conflationEnabled, conflationInterval, conflationKey } = fields;
  return checkBatching(
    {
      ...(batchingEnabled === true ? { batchingInterval: batchingInterval ?? DEFAULT_INTERVAL } : {}),
      ...(conflationEnabled === true
        ? { conflationInterval: conflationInterval ?? DEFAULT_INTERVAL, conflationKey }
        : {}),
    },
    'namespaces',
  );
}

function channelSpec(fields: Fields): ChannelSpec {
  const members = listOf(fields, 'presence', 1_000);
  return {
    name: textOf(fields, 'name'),
    presence: members.map((member) => parsePresenceMessage({ ...member, action: PresenceAction.ENTER }, 'json')),
  };
}

function maxMembersOf({ limits }: Fields): number | undefined {
  const presence = isMap(limits) ? limits.presence : undefined;
  const max = isMap(presence) ? presence.maxMembers : undefined;
  return Number.isInteger(max) && (max as number) > 0 && (max as number) <= 20_000 ? (max as number) : undefined;
}

function listOf(fields: Fields, name: string, max = MAX_ITEMS): Fields[] {
  const list = fields[name] ?? [];
  if (!Array.isArray(list) || list.length > max || !list.every(isMap)) {
    throw errors.badBody(`${name} must be an array of at most ${max} objects`);
  }
  return list;
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string' || value === '') throw errors.badBody(`${name} must be a non-empty string`);
  return value;
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
