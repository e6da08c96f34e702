import { describe, expect, it } from 'vitest';
import { parseAppSpec } from './appSpec.ts';

const batchesOf = (fields: object) => {
  const [namespace] = parseAppSpec({ namespaces: [{ id: 'a', ...fields }] }).namespaces;
  const { batchingInterval, conflationInterval, conflationKey } = namespace ?? {};
  return { batchingInterval, conflationInterval, conflationKey };
};

describe('namespaces of a sandbox app', () => {
  it('[BT6] batches are switched on as Ably does it, with an interval of 20 ms unless told', () => {
    expect(batchesOf({ batchingEnabled: true })).toEqual({ batchingInterval: 20 });
    expect(batchesOf({ batchingEnabled: true, batchingInterval: 100 })).toEqual({ batchingInterval: 100 });
    expect(batchesOf({ batchingEnabled: false, batchingInterval: 100 })).toEqual({});
    expect(batchesOf({ conflationEnabled: true, conflationKey: 'name' })).toEqual({
      conflationInterval: 20,
      conflationKey: 'name',
    });
  });

  it('[BT6] what cannot be is refused with 40003', () => {
    for (const fields of [{ batchingEnabled: true, batchingInterval: 0 }, { conflationEnabled: true }]) {
      expect(() => batchesOf(fields)).toThrow(expect.objectContaining({ code: 40003, statusCode: 400 }));
    }
  });
});
