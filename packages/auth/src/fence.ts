import { ErrorInfo, encodeBase64, errors } from '@parvis/protocol';

/** What a server says of a lock: `GET /spaces/{space}/locks/{id}`. */
export interface LockState {
  readonly held: boolean;
  /** There while it is held. */
  readonly fence?: number;
}

/**
 * What the fencing number of a writer is worth: `newest` is the holder's; `late` is that of a grant before the present
 * one; `released` means that nobody holds the lock now; `forged` is a number that was never given.
 */
export type FenceVerdict = 'newest' | 'late' | 'released' | 'forged';

/** Tells what a lock is now. */
export type LockLookup = (space: string, id: string) => Promise<LockState>;

/** Where locks are asked after: a server and a key with the right to subscribe to the space, or a function. */
export interface FenceOptions {
  /** `https://parvis.example.com` */
  readonly url?: string;
  /** `appId.keyId:secret` */
  readonly key?: string;
  readonly lookup?: LockLookup;
  readonly fetch?: typeof fetch;
}

/** What a fence is worth beside the state of its lock. */
export function judgeFence({ held, fence: newest }: LockState, fence: number): FenceVerdict {
  if (!Number.isSafeInteger(fence)) return 'forged';
  if (!held || newest === undefined) return 'released';
  if (fence === newest) return 'newest';
  return fence < newest ? 'late' : 'forged';
}

/**
 * For a backend that guards what a lock protects: tells whether the fencing number that came with a write is still the
 * newest of its lock. Anything but `newest` is to be refused. The promise rejects with the server's error, or with 50004
 * when it cannot be reached: then nothing is known of the writer.
 *
 * @example
 * const checkFence = createFenceCheck({ url: 'https://parvis.example.com', key });
 * if ((await checkFence('board', 'slide-1', fence)) !== 'newest') throw new Error('somebody else holds the lock');
 */
export function createFenceCheck(
  options: FenceOptions,
): (space: string, id: string, fence: number) => Promise<FenceVerdict> {
  const lookup = options.lookup ?? serverLookup(options);
  return async (space, id, fence) => judgeFence(await lookup(space, id), fence);
}

function serverLookup({ url, key, fetch: ask = fetch }: FenceOptions): LockLookup {
  if (url === undefined || key === undefined) throw errors.badRequest('a fence check needs url and key, or lookup');
  const headers = { authorization: `Basic ${encodeBase64(new TextEncoder().encode(key))}`, accept: 'application/json' };
  const base = url.replace(/\/+$/, '');
  return async (space, id) => {
    const path = `/spaces/${encodeURIComponent(space)}/locks/${encodeURIComponent(id)}`;
    const response = await ask(`${base}${path}`, { headers }).catch((cause: unknown) => {
      throw errors.unavailable('the server could not be asked after the lock', cause);
    });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw refusalIn(body, response.status);
    return stateIn(body);
  };
}

function stateIn(body: unknown): LockState {
  const { held, fence } = (body ?? {}) as Record<string, unknown>;
  if (typeof held !== 'boolean') throw errors.unavailable('the server has not said whether the lock is held');
  return typeof fence === 'number' ? { held, fence } : { held };
}

function refusalIn(body: unknown, status: number): ErrorInfo {
  const { error } = (body ?? {}) as { error?: { code?: number; message?: string } };
  return error?.code === undefined
    ? errors.unavailable(`the server answered with status ${status}`)
    : new ErrorInfo(error.message ?? '', error.code, status);
}
