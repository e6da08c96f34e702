import { expect, test, vi } from 'vitest';
import { EventEmitter } from './emitter.ts';
import { InvalidArgumentError } from './errors.ts';
import { FakeService } from './fakeService.test-support.ts';
import { visitor } from './world.test-support.ts';

interface Events {
  one: number;
  two: number;
}

function made() {
  const emitter = new EventEmitter<Events, { quiet: string }>('Thing');
  const heard: string[] = [];
  const hear = (name: string) => (payload: unknown) => heard.push(`${name}:${payload}`);
  return { emitter, heard, hear };
}

test('[SP1] listeners run in the order any-once, any, named-once, named', () => {
  const { emitter, heard, hear } = made();
  emitter.on('one', hear('named'));
  emitter.once('one', hear('named-once'));
  emitter.on(hear('any'));
  emitter.once(hear('any-once'));
  emitter.emit('one', 1);
  emitter.emit('one', 2);
  expect(heard).toEqual(['any-once:1', 'any:1', 'named-once:1', 'named:1', 'any:2', 'named:2']);
});

test('[SP1] a listener sees its event in this and may be added twice', () => {
  const { emitter } = made();
  const seen: string[] = [];
  const listener = function (this: { event: string }) {
    seen.push(this.event);
  };
  emitter.subscribe(['one', 'two'], listener);
  emitter.subscribe('one', listener);
  emitter.emit('one', 1);
  emitter.emit('two', 1);
  expect(seen).toEqual(['one', 'one', 'two']);
});

test('[SP1] a listener that throws is logged and the rest still run', () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {});
  const { emitter, heard, hear } = made();
  emitter.on('one', () => {
    throw new Error('broken');
  });
  emitter.on('one', hear('next'));
  emitter.emit('one', 1);
  expect(heard).toEqual(['next:1']);
  expect(log).toHaveBeenCalledOnce();
  log.mockRestore();
});

test('[SP1] an emission goes to those who listened when it began', () => {
  const { emitter, heard, hear } = made();
  const second = hear('second');
  emitter.on('one', () => {
    emitter.on('one', hear('late'));
    emitter.off(second);
  });
  emitter.on('one', second);
  emitter.emit('one', 1);
  expect(heard).toEqual(['second:1']);
});

type Removal = (emitter: EventEmitter<Events>, a: () => void) => void;
const removals: [string, Removal, Record<'a' | 'b' | 'c', number>][] = [
  ['unsubscribe() removes everything, once listeners too', (e) => e.unsubscribe(), { a: 0, b: 0, c: 0 }],
  ['unsubscribe(undefined) does the same', (e) => e.unsubscribe(undefined), { a: 0, b: 0, c: 0 }],
  ['unsubscribe(listener) removes it everywhere', (e, a) => e.unsubscribe(a), { a: 0, b: 2, c: 1 }],
  ['unsubscribe(name) removes all of that name', (e) => e.unsubscribe('one'), { a: 3, b: 1, c: 1 }],
  ['unsubscribe([names]) removes all of those', (e) => e.unsubscribe(['one', 'two']), { a: 2, b: 0, c: 1 }],
  ['unsubscribe(name, listener) removes it there', (e, a) => e.unsubscribe('one', a), { a: 3, b: 2, c: 1 }],
  ['unsubscribe([names], listener) removes it there', (e, a) => e.unsubscribe(['one', 'two'], a), { a: 2, b: 2, c: 1 }],
];

test.each(removals)('[SP1] %s', (_, remove, expected) => {
  const emitter = new EventEmitter<Events>('Thing');
  const calls = { a: 0, b: 0, c: 0 };
  const a = () => {
    calls.a += 1;
  };
  const b = () => {
    calls.b += 1;
  };
  emitter.on(a);
  emitter.on(['one', 'two'], a);
  emitter.on(['one', 'two'], b);
  emitter.once(() => {
    calls.c += 1;
  });
  remove(emitter, a);
  emitter.emit('one', 1);
  emitter.emit('two', 1);
  expect(calls).toEqual(expected);
});

test('[SP1] subscribing returns its undo and ends with a signal', () => {
  const { emitter, heard, hear } = made();
  const controller = new AbortController();
  const undo = emitter.subscribe('one', hear('undone'));
  emitter.subscribe(hear('aborted'), { signal: controller.signal });
  emitter.subscribe(['one', 'two'], hear('named'), { signal: controller.signal });
  undo();
  undo();
  emitter.unsubscribe('one');
  controller.abort();
  emitter.subscribe('one', hear('never'), { signal: controller.signal });
  emitter.emit('one', 1);
  emitter.emit('two', 1);
  expect(heard).toEqual([]);
  expect(emitter.hasListeners()).toBe(false);
});

test('[SP1] listeners(name) lists them, or is null', () => {
  const { emitter } = made();
  const a = () => {};
  const b = () => {};
  expect(emitter.listeners('one')).toBeNull();
  emitter.once('one', b);
  emitter.on('one', a);
  expect(emitter.listeners('one')).toEqual([a, b]);
});

test('[SP1] named events reach only those who name them', () => {
  const { emitter, heard, hear } = made();
  emitter.on(hear('any'));
  emitter.on('quiet', hear('quiet'));
  emitter.emitNamed('quiet', 'x');
  expect(heard).toEqual(['quiet:x']);
});

const wrong: unknown[][] = [[], ['one'], [1, () => {}], [['one', 2], () => {}], [null, () => {}], ['one', 'two']];

test.each(['space', 'members', 'locations', 'cursors', 'locks'] as const)(
  '[SP1] wrong arguments throw on space.%s, naming class and method',
  async (name) => {
    const { space } = await visitor(new FakeService(), 'ann');
    const emitter = (name === 'space' ? space : space[name]) as unknown as EventEmitter<{ update: number }>;
    const label = name[0]?.toUpperCase() + name.slice(1);
    for (const method of ['on', 'once', 'subscribe'] as const) {
      const call = emitter[method].bind(emitter) as (...args: unknown[]) => void;
      for (const args of wrong) {
        expect(() => call(...args)).toThrow(InvalidArgumentError);
        expect(() => call(...args)).toThrow(`${label}.${method}(): Invalid arguments`);
      }
    }
    expect(() => emitter.once(['update'] as never, () => {})).toThrow(InvalidArgumentError);
    expect(() => (emitter.unsubscribe as (...args: unknown[]) => void).call(emitter, 7)).toThrow(
      `${label}.unsubscribe()`,
    );
    expect(() => emitter.off('update', 'x' as never)).toThrow(InvalidArgumentError);
  },
);

test.each(['space', 'members', 'locations', 'cursors', 'locks'] as const)(
  '[SP1] subscribe, once and unsubscribe work on space.%s',
  async (name) => {
    const { space } = await visitor(new FakeService(), 'ann');
    const emitter = (name === 'space' ? space : space[name]) as unknown as EventEmitter<{ update: number }>;
    const heard: number[] = [];
    const listener = (payload: number) => heard.push(payload);
    emitter.subscribe('update', listener);
    emitter.once('update', listener);
    emitter.emit('update', 1);
    emitter.unsubscribe(listener);
    emitter.emit('update', 2);
    expect(heard).toEqual([1, 1]);
  },
);
