/** One way to run a file of the suite: which transports its clients may take, and which format they speak unless told. */
export interface Variant {
  readonly transport: Transport;
  readonly format: Format;
}

/** `both` is how the suite runs by itself: WebSocket, with comet beside it. */
export type Transport = 'web_socket' | 'comet' | 'both';
export type Format = 'msgpack' | 'json';

/** What is run unless told. Changing over between transports does not depend on the format, so `both` comes once. */
export const variants: readonly Variant[] = [
  { transport: 'web_socket', format: 'msgpack' },
  { transport: 'web_socket', format: 'json' },
  { transport: 'comet', format: 'msgpack' },
  { transport: 'comet', format: 'json' },
  { transport: 'both', format: 'msgpack' },
];

/** How a variant is named in the table and in what the runner says. */
export function variantName({ transport, format }: Variant): string {
  return `${transport} ${format}`;
}
