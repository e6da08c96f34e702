import { errors, namespaceOf } from '@parvis/protocol';
import type { App, Namespace } from '../access/app.ts';
import { KeyExpression } from '../filter/keyExpression.ts';
import type { Limits } from '../limits.ts';

/** What holds for a channel because of its name. */
export interface ChannelRule {
  /** ms that messages wait to be merged into one frame; 0 sends at the end of the turn. */
  readonly windowMs: number;
  /** Whether a client that cannot keep up gets the last message of each name and publisher only. */
  readonly conflateMessages: boolean;
  /** Of the messages of one window with the same key the last is sent, to everybody. */
  readonly conflateBy?: KeyExpression;
  /** Whether attaching or entering needs a concrete clientId (40012): everybody in a space has a name. */
  readonly identified: boolean;
  /** Whether the service decides who holds a lock. */
  readonly locks?: boolean;
}

const ordinary: ChannelRule = { windowMs: 0, conflateMessages: false, identified: false };

/** Rules by the last part of the name. Spaces keeps members and locks in one channel, cursors in the other. */
const bySuffix: readonly [suffix: string, rule: ChannelRule][] = [
  ['::$space', { windowMs: 0, conflateMessages: false, identified: true, locks: true }],
  ['::$cursors', { windowMs: 5, conflateMessages: true, identified: true }],
];

/** The rule of a channel: that of the first suffix that fits, else of its namespace. */
export function ruleOf(name: string, namespace?: Namespace): ChannelRule {
  for (const [suffix, rule] of bySuffix) if (name.endsWith(suffix)) return rule;
  const { batchingInterval = 0, conflationInterval = 0, conflationKey } = namespace ?? {};
  if (conflationInterval > 0 && conflationKey !== undefined) {
    return { ...ordinary, windowMs: conflationInterval, conflateBy: new KeyExpression(conflationKey) };
  }
  return batchingInterval > 0 ? { ...ordinary, windowMs: batchingInterval } : ordinary;
}

/** Whether messages of a channel may be changed and annotated. */
export function isMutable(app: App, name: string): boolean {
  return app.namespaces.get(namespaceOf(name))?.mutableMessages === true;
}

/** Whether entries of a channel are kept for history, and not for continuity alone. */
export function isPersisted(app: App, name: string): boolean {
  return app.namespaces.get(namespaceOf(name))?.persisted === true;
}

/** ms that entries of a channel are kept: those of its namespace. A message that may be changed is kept to be changed. */
export function retentionOf(app: App, name: string, limits: Limits): number {
  const { persisted, mutableMessages } = app.namespaces.get(namespaceOf(name)) ?? {};
  return persisted || mutableMessages ? limits.persistedRetentionMs : limits.retentionMs;
}

/** Throws 40012 unless the client acts under one name: neither anonymous nor as anybody (`*`). */
export function requireIdentified(clientId: string | undefined): void {
  if (clientId !== undefined && clientId !== '*') return;
  throw errors.badClientId('every client of a space needs a clientId; let your auth endpoint set one');
}
