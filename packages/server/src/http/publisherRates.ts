import { errors } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import { claimedChannel } from '../channel/qualifiedName.ts';
import { NamedRates } from '../channel/rate.ts';

/** Publishers whose rate is remembered. */
const MAX_PUBLISHERS = 10_000;

/**
 * How much is published over HTTP: by each key, and by each token, as if it were one connection. What a token says about
 * the rate of an attachment holds for each channel that it publishes on.
 */
export class PublisherRates {
  readonly #maxRate: number;
  readonly #all = new NamedRates(MAX_PUBLISHERS);
  readonly #byChannel = new NamedRates(MAX_PUBLISHERS);

  /** @param maxRate messages a second of one publisher; 0 is no limit */
  constructor(maxRate: number) {
    this.#maxRate = maxRate;
  }

  /** Counts messages that are about to be published at this time (ms). Throws 42911 for what is too much. */
  take(principal: Principal, name: string, count: number, now: number): void {
    const channel = claimedChannel(name);
    const channelRate = principal.publishRates?.for(channel);
    if (this.#maxRate === 0 && channelRate === undefined) return;
    const publisher = publisherOf(principal);
    if (this.#maxRate > 0 && !this.#all.take(publisher, this.#maxRate, count, now)) {
      throw errors.connectionRateExceeded(this.#maxRate);
    }
    if (channelRate === undefined || this.#byChannel.take(`${publisher} ${channel}`, channelRate, count, now)) return;
    throw errors.connectionRateExceeded(channelRate);
  }
}

/** A key is itself; a token is known by what it says, since the same one comes with every request. */
function publisherOf({ key, method, clientId = '', issuedAt, expiresAt, revocationKey = '' }: Principal): string {
  return method === 'key' ? key.name : JSON.stringify([key.name, clientId, issuedAt, expiresAt, revocationKey]);
}
