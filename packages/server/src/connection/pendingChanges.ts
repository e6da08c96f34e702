/**
 * Changes of messages that one connection has under way, by channel: what it publishes behind one comes after it on the
 * channel too, though a change has to look at the message first.
 */
export class PendingChanges {
  readonly #byChannel = new Map<string, Promise<void>>();

  /** Settles when what is under way on this channel is done; undefined if nothing is. Never rejects. */
  on(channel: string): Promise<void> | undefined {
    return this.#byChannel.get(channel);
  }

  /** Counts a change of this channel as under way until it settles, be it done or refused. Those before it are done by then. */
  add(channel: string, change: Promise<unknown>): void {
    const settled = change.then(nothing, nothing).then(() => {
      if (this.#byChannel.get(channel) === settled) this.#byChannel.delete(channel);
    });
    this.#byChannel.set(channel, settled);
  }

  /** Channels with something under way. */
  get size(): number {
    return this.#byChannel.size;
  }
}

function nothing(): void {}
