import type { ChannelChange, ConnectionChange, ErrorLike } from './client.ts';

/** A value as it arrives after a way over the wire. */
export const copy = <T>(value: T): T => (value === undefined ? value : JSON.parse(JSON.stringify(value)));

export const fault = (code: number, message = `fault ${code}`): ErrorLike =>
  Object.assign(new Error(message), { code, statusCode: 400 });

type Listener<T> = (change: T) => void;

/** An emitter with listeners of any event, as much as the port asks for. */
export class FakeEmitter<T extends ConnectionChange | ChannelChange> {
  readonly listeners: Listener<T>[] = [];
  on(listener: Listener<T>): void {
    this.listeners.push(listener);
  }
  off(listener: Listener<T>): void {
    const at = this.listeners.indexOf(listener);
    if (at >= 0) this.listeners.splice(at, 1);
  }
  protected emit(change: T): void {
    for (const listener of [...this.listeners]) listener(change);
  }
}
