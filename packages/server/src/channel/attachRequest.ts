import type { Capability } from '@parvis/auth';
import {
  defaultModes,
  type ErrorInfo,
  errors,
  Flag,
  Mode,
  modeMask,
  type ProtocolMessage,
  parseModes,
} from '@parvis/protocol';
import type { AttachRequest, Rewind } from './attachment.ts';
import { filterStep } from './filterStep.ts';
import { assertMetachannel } from './metachannels.ts';
import { parseOccupancy } from './occupancy.ts';
import { isDerived, parseQualifiedName } from './qualifiedName.ts';
import { ruleOf } from './rule.ts';
import type { ViewStep } from './view.ts';

/** Characters of a param that is kept as long as the attachment is: all names of modes together have fewer. */
const MAX_PARAM_LENGTH = 256;
/** No position of ours is longer. */
const MAX_SERIAL_LENGTH = 128;

/**
 * Reads an ATTACH. Params of the channel's name count as if they were sent, unless others of their name are. Unknown params
 * are left out; an unparsable `rewind` or `occupancy` throws 40000, a bad name 40010 (protocol reference 2.9).
 */
export function attachRequestOf(message: ProtocolMessage, maxRewind: number): AttachRequest {
  const name = parseQualifiedName(message.channel ?? '');
  assertMetachannel(name.channel);
  const sent = sentParams(name.params, message.params);
  const rewindText = sent.get('rewind');
  const rewind = rewindText === undefined ? undefined : parseRewind(rewindText, sent.get('rewindLimit'), maxRewind);
  // How older clients say that they have been attached before; newer ones send their position.
  const isLegacyResume = ((message.flags ?? 0) & Flag.ATTACH_RESUME) !== 0;
  const params = new Map<string, string>();
  const modesText = sent.get('modes');
  keep(params, sent, 'modes');
  if (rewindText !== undefined) params.set('rewind', rewindText);
  if (rewind?.ms !== undefined) keep(params, sent, 'rewindLimit');
  keep(params, sent, 'echo');
  if (sent.get('delta') === 'vcdiff') params.set('delta', 'vcdiff');
  const wholeAppends = sent.get('appendMode') === 'full';
  if (wholeAppends) params.set('appendMode', 'full');
  const occupancy = sent.get('occupancy');
  keep(params, sent, 'occupancy');
  if (sent.get('locks') === 'server' && ruleOf(name.channel).locks === true) params.set('locks', 'server');
  const steps: ViewStep[] = name.qualifier === 'filter' ? [filterStep(name.filter)] : [];
  return {
    name,
    steps,
    delta: sent.get('delta') === 'vcdiff',
    modes: requestedModes(modesText, message.flags ?? 0),
    params: params.size === 0 ? undefined : Object.fromEntries(params),
    echo: sent.get('echo') !== 'false',
    channelSerial: positionOf(message.channelSerial),
    rewind: isLegacyResume ? undefined : rewind,
    // A filter judges whole messages.
    wholeAppends: wholeAppends || steps.length > 0,
    occupancy: occupancy === undefined ? undefined : parseOccupancy(occupancy),
    wasAttached: isLegacyResume || message.channelSerial !== undefined,
    syncsTwice: sent.get('agent')?.startsWith('spaces/') === true && !params.has('locks'),
  };
}

const none: ReadonlyMap<string, string> = new Map();

function sentParams(
  ofName: Iterable<readonly [string, string]> & { readonly size: number },
  params: ProtocolMessage['params'],
): ReadonlyMap<string, string> {
  if (ofName.size === 0 && params === undefined) return none;
  return new Map([...ofName, ...Object.entries(params ?? {})]);
}

function keep(into: Map<string, string>, from: ReadonlyMap<string, string>, name: string): void {
  const value = from.get(name);
  if (value === undefined) return;
  if (value.length > MAX_PARAM_LENGTH) {
    throw errors.badRequest(`channel param ${name} may have ${MAX_PARAM_LENGTH} characters at most`);
  }
  into.set(name, value);
}

/** A position may wait in line with its attach: one that is too long to be ours waits as a short one that is not ours either. */
function positionOf(channelSerial: string | undefined): string | undefined {
  if (channelSerial === undefined || channelSerial === '') return undefined;
  return channelSerial.length > MAX_SERIAL_LENGTH ? '?' : channelSerial;
}

function requestedModes(list: string | undefined, flags: number): number {
  if (list !== undefined) return parseModes(list);
  const bits = flags & modeMask;
  return bits === 0 ? defaultModes : bits;
}

/** `10`, `30s` or `2m`: messages, seconds or minutes. Anything beyond the reach is clamped, anything else refused. */
function parseRewind(text: string, limitText: string | undefined, max: number): Rewind {
  const match = /^(\d{1,9})([sm]?)$/.exec(text);
  if (match === null)
    throw errors.badRequest('channel param rewind must be a number of messages, or seconds (30s) or minutes (2m)');
  const amount = Number(match[1]);
  const unit = match[2];
  if (unit === '') return { limit: Math.min(amount, max), isOurs: amount > max, ms: undefined };
  if (limitText !== undefined && !/^\d{1,9}$/.test(limitText)) {
    throw errors.badRequest('channel param rewindLimit must be a number of messages');
  }
  const wished = limitText === undefined ? max : Number(limitText);
  const ms = amount * (unit === 's' ? 1_000 : 60_000);
  return { limit: Math.min(wished, max), isOurs: wished >= max, ms };
}

/**
 * Why what is granted to an attachment is not enough: 40160 for no mode at all, and if it asks who is on the channel,
 * without the right to the channel's metadata; 40165 if it does without the mode that messages come by.
 */
export function attachRefusal(
  { occupancy }: Pick<AttachRequest, 'occupancy'>,
  modes: number,
  capability: Capability,
  channel: string,
): ErrorInfo | undefined {
  if (modes === 0) return errors.capabilityDenied('any of the modes asked for', `channel ${channel}`);
  if (occupancy === undefined) return undefined;
  if (!capability.allows('channel-metadata', channel)) {
    return errors.capabilityDenied('channel-metadata', `channel ${channel}`);
  }
  return (modes & Mode.SUBSCRIBE) === 0 ? errors.modeNotRequested('subscribe') : undefined;
}

/** Modes that a capability grants on a channel, of those asked for. */
export function grantedModes(requested: number, capability: Capability, channel: string): number {
  let granted = 0;
  if (capability.allows('subscribe', channel)) granted |= Mode.SUBSCRIBE | Mode.PRESENCE_SUBSCRIBE;
  // Derived channels and those of the service are for subscribing alone.
  if (isDerived(channel) || channel.startsWith('[meta')) return granted & requested & Mode.SUBSCRIBE;
  if (capability.allows('publish', channel)) granted |= Mode.PUBLISH;
  if (capability.allows('presence', channel)) granted |= Mode.PRESENCE;
  if (capability.allows('annotation-publish', channel)) granted |= Mode.ANNOTATION_PUBLISH;
  if (capability.allows('annotation-subscribe', channel)) granted |= Mode.ANNOTATION_SUBSCRIBE;
  return granted & requested;
}
