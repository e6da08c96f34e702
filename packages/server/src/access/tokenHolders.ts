import { type ErrorInfo, errors } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { App } from './app.ts';
import type { Principal } from './principal.ts';
import type { Revocation } from './revocations.ts';

/** Whoever holds on to a token for longer than one request, such as a connection. */
export interface TokenHolder {
  readonly principal: Principal;
  /** Its token is good no more: tells the client to come back with another. */
  disconnect(error: ErrorInfo): void;
  /** Its token soon will be: asks the client for another, if there is a way to. */
  askForToken(): void;
}

/** What tells whether a token is revoked; a promise says nothing yet. */
export interface RevocationCheck {
  isRevoked(principal: Principal, at?: number): boolean | Promise<boolean>;
}

/** ms in which revocations that come close after each other are looked at together. */
const GATHER_MS = 20;
/** ms after which they are looked at again, for those who were on their way in. */
const AGAIN_MS = 2_000;

/** Sees to it that revocations reach those who are connected: at once, or with a warning before. */
export class TokenHolders {
  readonly #check: RevocationCheck;
  readonly #clock: Clock;
  readonly #groups: Iterable<TokenHolder>[];
  /** Apps to be looked at, and by when their holders have to have another token. */
  readonly #due = new Map<App, Set<number>>();

  /** @param groups all who hold tokens, as they are when they are looked at */
  constructor(check: RevocationCheck, clock: Clock, ...groups: Iterable<TokenHolder>[]) {
    this.#check = check;
    this.#clock = clock;
    this.#groups = groups;
  }

  /** Looks at the holders of an app soon, and again when what comes later has come. */
  changed(app: App, revocations: readonly Revocation[]): void {
    if (this.#due.size === 0) this.#clock.after(GATHER_MS, () => this.#look());
    const times = this.#due.get(app) ?? new Set();
    for (const { appliesAt } of revocations) times.add(appliesAt);
    this.#due.set(app, times);
  }

  #look(): void {
    const due = [...this.#due];
    this.#due.clear();
    for (const [app, times] of due) {
      this.#end(app);
      this.#clock.after(AGAIN_MS, () => this.#end(app));
      for (const at of times) this.#warn(app, at);
    }
  }

  #end(app: App): void {
    for (const holder of this.#revokedAt(app, this.#clock.now())) holder.disconnect(errors.tokenRevoked());
  }

  #warn(app: App, at: number): void {
    const now = this.#clock.now();
    if (at <= now) return;
    this.#clock.after(at - now, () => this.#end(app));
    for (const holder of this.#revokedAt(app, at)) holder.askForToken();
  }

  /** Gathered before any of them is ended: that changes the list they are in. */
  #revokedAt(app: App, at: number): TokenHolder[] {
    const found: TokenHolder[] = [];
    for (const group of this.#groups) {
      for (const holder of group) {
        const { principal } = holder;
        if (principal.app === app && this.#check.isRevoked(principal, at) === true) found.push(holder);
      }
    }
    return found;
  }
}
