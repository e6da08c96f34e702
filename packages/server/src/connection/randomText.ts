import { randomFillSync } from 'node:crypto';

/** Random bytes are drawn in bulk: one draw costs as much as a handshake's share of the whole. */
const pool = Buffer.alloc(4_096);
let used = pool.length;

/** Random text of the alphabet `A-Z a-z 0-9 - _`, of this many random bytes (at most 64). */
export function randomText(bytes: number): string {
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += bytes;
  return pool.toString('base64url', used - bytes, used);
}
