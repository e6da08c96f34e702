import { type DestinationStream, type Logger, pino } from 'pino';

/** Structured log: fields, then one fixed sentence. Fields never hold a key, a token, a query string or a header. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>;

/** A log of one JSON line per event, to standard output unless told; nothing at level `silent`. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = { level, base: null, formatters: { level: (label: string) => ({ level: label }) } };
  return destination === undefined ? pino(options) : pino(options, destination);
}
