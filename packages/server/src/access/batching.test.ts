import { describe, expect, it } from 'vitest';
import { checkBatching } from './batching.ts';

describe('what a namespace says about batches', () => {
  it('[BT6] it is taken as it is given, if it is given', () => {
    const fields = { batchingInterval: 20, conflationInterval: 1_000, conflationKey: 'headers.market' };
    expect(checkBatching({ ...fields, persisted: true }, 'namespaces')).toEqual(fields);
    expect(checkBatching({}, 'namespaces')).toEqual({});
  });

  it.each([
    [{ batchingInterval: 0 }, 'from 1 to 1000'],
    [{ batchingInterval: 1_001 }, 'from 1 to 1000'],
    [{ batchingInterval: '20' }, 'from 1 to 1000'],
    [{ batchingInterval: 1.5 }, 'from 1 to 1000'],
    [{ conflationInterval: -1, conflationKey: 'name' }, 'from 1 to 1000'],
    [{ conflationInterval: 20 }, 'need each other'],
    [{ conflationKey: 'name' }, 'need each other'],
    [{ conflationInterval: 20, conflationKey: 7 }, 'must be text'],
    [{ conflationInterval: 20, conflationKey: 'name ==' }, 'ends too early'],
  ])('[BT6] %j is refused with 40003', (fields, why) => {
    expect(() => checkBatching(fields, 'namespaces')).toThrow(expect.objectContaining({ code: 40003 }));
    expect(() => checkBatching(fields, 'namespaces')).toThrow(why);
  });
});
