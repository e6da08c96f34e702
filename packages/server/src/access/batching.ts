import { errors } from '@parvis/protocol';
import { KeyExpression } from '../filter/keyExpression.ts';
import { FilterError } from '../filter/tokens.ts';
import type { Namespace } from './app.ts';

/** Names of what a namespace may say about batches. */
export const batchingFields = ['batchingInterval', 'conflationInterval', 'conflationKey'] as const;

/** ms that a message may be held back. */
const MAX_INTERVAL = 1_000;

/**
 * What a namespace says about batches. Throws 40003, under the name it was given by, for an interval that is not 1 to 1000
 * ms, for a key that is no expression, and for a key or a conflation interval alone.
 */
export function checkBatching(
  fields: Readonly<Record<string, unknown>>,
  name: string,
): Pick<Namespace, (typeof batchingFields)[number]> {
  const batchingInterval = checkInterval(fields, 'batchingInterval', name);
  const conflationInterval = checkInterval(fields, 'conflationInterval', name);
  const conflationKey = checkKey(fields.conflationKey, name);
  if ((conflationKey === undefined) !== (conflationInterval === undefined)) {
    throw errors.badParameter(name, 'conflationInterval and conflationKey need each other');
  }
  return {
    ...(batchingInterval === undefined ? {} : { batchingInterval }),
    ...(conflationInterval === undefined ? {} : { conflationInterval }),
    ...(conflationKey === undefined ? {} : { conflationKey }),
  };
}

function checkInterval(
  fields: Readonly<Record<string, unknown>>,
  field: 'batchingInterval' | 'conflationInterval',
  name: string,
): number | undefined {
  const value = fields[field];
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_INTERVAL)
    return value as number;
  throw errors.badParameter(name, `${field} must be a whole number of ms from 1 to ${MAX_INTERVAL}`);
}

function checkKey(value: unknown, name: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw errors.badParameter(name, 'conflationKey must be text');
  try {
    new KeyExpression(value);
  } catch (failure) {
    if (!(failure instanceof FilterError)) throw failure;
    throw errors.badParameter(name, `conflationKey cannot be read: ${failure.message}`);
  }
  return value;
}
