import { integerLength } from './instructions.ts';

const NEAR_SIZE = 4;
const SAME_SIZE = 3 * 256;
const FIRST_NEAR = 2;
const FIRST_SAME = FIRST_NEAR + NEAR_SIZE;

/** How an address is written: the mode of its COPY, and what follows it; a byte for the modes of the same cache. */
export interface WrittenAddress {
  readonly mode: number;
  readonly value: number;
  readonly isByte: boolean;
}

/** Both address caches of RFC 3284 (5.1 and 5.3), as a decoder will have them at the same point. */
export class AddressCache {
  readonly #near = new Array<number>(NEAR_SIZE).fill(0);
  readonly #same = new Array<number>(SAME_SIZE).fill(0);
  #nextNear = 0;

  /** The shortest way to write an address, where `here` is that of the byte to be made next. Both caches then know it. */
  write(address: number, here: number): WrittenAddress {
    const written = this.#shortest(address, here);
    this.#near[this.#nextNear] = address;
    this.#nextNear = (this.#nextNear + 1) % NEAR_SIZE;
    this.#same[address % SAME_SIZE] = address;
    return written;
  }

  #shortest(address: number, here: number): WrittenAddress {
    const slot = address % SAME_SIZE;
    if (this.#same[slot] === address) return { mode: FIRST_SAME + (slot >> 8), value: slot & 0xff, isByte: true };
    let mode = 0;
    let value = address;
    const offer = (other: number, distance: number) => {
      if (distance < 0 || integerLength(distance) >= integerLength(value)) return;
      mode = other;
      value = distance;
    };
    offer(1, here - address);
    for (const [index, near] of this.#near.entries()) offer(FIRST_NEAR + index, address - near);
    return { mode, value, isByte: false };
  }
}
