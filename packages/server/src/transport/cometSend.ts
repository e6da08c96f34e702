import type { IncomingMessage } from 'node:http';
import { errors } from '@parvis/protocol';
import type { Clock } from '../clock.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What the body of a send may cost. */
export interface SendBounds {
  /** Bytes of one frame (40009); of frames there may be as many as a client has to say, as on a socket. */
  readonly maxFrame: number;
  /** ms without a byte after which a body is given up (40000 with 408). */
  readonly stallMs: number;
  readonly clock: Clock;
}

/**
 * Cuts the body of a send into frames as it comes: the texts between the commas of a JSON array, which are not parsed here, so
 * that each is judged by itself as on any other pipe, and no more than one of them is ever held.
 */
export class FrameCutter {
  readonly #maxFrame: number;
  #state: 'before' | 'inside' | 'after' = 'before';
  #depth = 0;
  #inText = false;
  #escaped = false;
  #isFirst = true;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(maxFrame: number) {
    this.#maxFrame = maxFrame;
  }

  /** The frames that end in this piece of the body. Throws 40000 for what is no array, 40009 for a frame that is too long. */
  push(piece: Uint8Array): Uint8Array[] {
    const frames: Uint8Array[] = [];
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at];
      if (this.#state !== 'inside') {
        this.#outside(byte);
        from = at + 1;
      } else if (this.#endsFrame(byte)) {
        const frame = this.#cut(piece.subarray(from, at));
        const isEmpty = byte === CLOSE_ARRAY && this.#isFirst && frame.every(isSpace);
        if (!isEmpty) frames.push(frame);
        this.#isFirst = false;
        if (byte === CLOSE_ARRAY) this.#state = 'after';
        from = at + 1;
      }
    }
    if (this.#state === 'inside') this.#keep(piece.subarray(from));
    return frames;
  }

  /** The body is over. Throws 40000 if its array is not. */
  end(): void {
    if (this.#state !== 'after') throw noArray();
  }

  /** Whether this byte is the comma or bracket behind a frame. */
  #endsFrame(byte: number | undefined): boolean {
    if (this.#inText) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === BACKSLASH) this.#escaped = true;
      else if (byte === QUOTE) this.#inText = false;
      return false;
    }
    if (byte === QUOTE) this.#inText = true;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) this.#depth++;
    else if (this.#depth === 0) return byte === COMMA || byte === CLOSE_ARRAY;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) this.#depth--;
    return false;
  }

  #outside(byte: number | undefined): void {
    if (isSpace(byte)) return;
    if (this.#state === 'after' || byte !== OPEN_ARRAY) throw noArray();
    this.#state = 'inside';
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length;
    if (this.#size > this.#maxFrame) throw errors.bodyTooLarge(this.#maxFrame);
    this.#parts.push(part);
  }

  #cut(last: Uint8Array): Uint8Array {
    this.#keep(last);
    const [only] = this.#parts;
    const frame = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    return frame;
  }
}

/**
 * Reads the body of a send to its end and hands over its frames as they come; no more is read while they are being taken.
 * Rejects as the cutter throws, with 40000 for a body that stalls or breaks off, or as `take` does.
 */
export function readSend(
  request: IncomingMessage,
  { maxFrame, stallMs, clock }: SendBounds,
  take: (frames: readonly Uint8Array[]) => Promise<void>,
): Promise<void> {
  const cutter = new FrameCutter(maxFrame);
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      cancel();
      request.off('data', piece).off('end', end).off('close', broken).off('error', broken);
      request.on('error', () => {}).resume();
      act();
    };
    const stalled = () => settle(() => reject(errors.bodyTooSlow()));
    const broken = () => settle(() => reject(errors.badRequest('body broke off')));
    const attempt = async (act: () => void | Promise<void>) => act();
    const end = () => settle(() => attempt(() => cutter.end()).then(resolve, reject));
    const piece = (bytes: Buffer) => {
      cancel();
      request.pause();
      const goOn = () => {
        cancel = clock.after(stallMs, stalled);
        request.resume();
      };
      attempt(() => take(cutter.push(bytes))).then(goOn, (failure) => settle(() => reject(failure)));
    };
    let cancel = clock.after(stallMs, stalled);
    request.on('data', piece).on('end', end).on('close', broken).on('error', broken);
  });
}

function noArray() {
  return errors.badRequest('body of a send must be a JSON array of messages');
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
