import { type Logger, pino } from 'pino';

/** Structured log: fields, then one fixed sentence. */
export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>;

/** A log that writes JSON lines, or nothing at level `silent`. */
export function createLog(level: string): Log {
  return pino({ level, base: null });
}
