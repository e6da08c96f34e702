import { describe, expect, test } from 'vitest';
import { forget, Identity } from './identity.ts';

function storage(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
    clear: () => kept.clear(),
    key: () => null,
    length: 0,
  };
}

describe('identity', () => {
  test('[DM9] a window stays the same person when it is loaded again', () => {
    const window = storage();
    const first = new Identity(window);
    const again = new Identity(window);
    expect(again).toMatchObject({ visitor: first.visitor, name: first.name });
    expect(first.visitor).toMatch(/^[0-9a-f]{32}$/);
    expect(first.name).toMatch(/^\w+ \w+$/);
  });

  test('[DM9] another window, or one told to forget, is another person', () => {
    const window = storage();
    const first = new Identity(window);
    expect(new Identity(storage()).visitor).not.toBe(first.visitor);
    forget(window);
    expect(new Identity(window).visitor).not.toBe(first.visitor);
  });

  test('[DM9] a new name is kept, an empty one is refused', () => {
    const window = storage();
    const identity = new Identity(window);
    expect(identity.rename('  Ada\n Lovelace ')).toBe(true);
    expect(identity.rename('  ')).toBe(false);
    expect(new Identity(window).name).toBe('Ada Lovelace');
  });
});
