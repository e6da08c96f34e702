import { ErrorInfo } from './errors.ts';
import { isObject } from './json.ts';
import type { SpaceCore } from './spaceCore.ts';
import type { MemberMessage } from './wire.ts';

/** A request that the server keeps in line. */
export interface LockWait {
  readonly id: string;
  readonly timestamp: number;
  readonly clientId: string;
  readonly connectionId: string;
  /** Smaller is earlier. */
  readonly at: number;
  /** The question to the holder that comes with it. */
  readonly ask?: { readonly until: number; readonly note?: unknown };
}

/** All that wait for a lock, first come first; empty where no server decides. */
export function waitsFor(core: SpaceCore, id: string): LockWait[] {
  return core.state
    .messages()
    .flatMap(waitsOf)
    .filter((wait) => wait.id === id)
    .sort((a, b) => a.at - b.at);
}

function waitsOf({ waiting, clientId, connectionId }: MemberMessage): LockWait[] {
  if (!Array.isArray(waiting)) return [];
  return waiting.filter(isWait).map(({ id, timestamp, at, ask }) => {
    return { id, timestamp, at, clientId, connectionId, ...(isQuestion(ask) && { ask }) };
  });
}

function isWait(value: unknown): value is LockWait {
  return (
    isObject(value) && typeof value.id === 'string' && Number.isFinite(value.timestamp) && Number.isFinite(value.at)
  );
}

function isQuestion(value: unknown): value is NonNullable<LockWait['ask']> {
  return isObject(value) && Number.isFinite(value.until);
}

/** Errors of waiting, in the codes that realtime clients use for such. */
export const waitErrors = {
  timeout: (id: string) => new ErrorInfo(`lock ${id} was not granted in time`, 50003, 408),
  aborted: (id: string) => new ErrorInfo(`waiting for lock ${id} was given up`, 80017, 400),
  unserved: () => new ErrorInfo('only a server that decides on locks takes such options: see locks.guarantee', 40000),
  released: (id: string) => new ErrorInfo(`lock ${id} was released before it was granted`, 101003),
};
