import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Capability } from './capability.ts';
import type { Operation } from './operation.ts';

const seed = Number(process.env.PARVIS_SEED ?? Date.now() % 2 ** 31);
const settings = { seed, numRuns: 1_500 };

const operations: Operation[] = ['publish', 'subscribe', 'history'];

/** All channels of up to four segments of a, b and c (which no resource names), plain and under three qualifiers. */
const channels = ['', '[meta]', '[filter=x]', '[filter=y]'].flatMap((qualifier) =>
  names(4).map((name) => qualifier + name),
);

function names(length: number): string[] {
  const letters = ['a', 'b', 'c'];
  if (length === 1) return letters;
  return [...letters, ...names(length - 1).flatMap((rest) => letters.map((letter) => `${letter}:${rest}`))];
}

const resource = fc
  .tuple(
    fc.constantFrom('', '', '', '[*]', '[meta]', '[filter]', '[filter=x]'),
    fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 3 }),
  )
  .map(([qualifier, segments]) => qualifier + segments.join(':'));

const operationList = fc.oneof(fc.constant(['*']), fc.subarray(operations, { minLength: 1 }));

const capability = fc
  .array(fc.tuple(resource, operationList), { maxLength: 4 })
  .map((entries) => Capability.parse(Object.fromEntries(entries)));

/** The grammar once more, as a regular expression: an independent judge of single resources. */
function covers(pattern: string, channel: string): boolean {
  const [, qualifier = '', name = ''] = /^(\[[^\]]*\])?(.*)$/.exec(pattern) ?? [];
  const [, channelQualifier = '', channelName = ''] = /^(\[[^\]]*\])?(.*)$/.exec(channel) ?? [];
  const qualifierFits =
    qualifier === '[*]' || qualifier === channelQualifier || qualifier === channelQualifier.replace(/=.*\]/, ']');
  const text = name.replaceAll('*', '[^:]*').replace(/(^|:)\[\^:\]\*$/, '$1.*');
  return qualifierFits && new RegExp(`^${text}$`).test(channelName);
}

const coverages = new Map<string, Set<string>>();

function coverage(pattern: string): Set<string> {
  const known = coverages.get(pattern) ?? new Set(channels.filter((channel) => covers(pattern, channel)));
  coverages.set(pattern, known);
  return known;
}

/** Overlap in which neither resource contains the other: what the narrower-resource rule drops. */
function overlapOnly(a: string, b: string): boolean {
  const [left, right] = [coverage(a), coverage(b)];
  const common = [...left].filter((channel) => right.has(channel)).length;
  return common > 0 && common < left.size && common < right.size;
}

const resourcesOf = (value: Capability) => Object.keys(JSON.parse(value.text) as object);

test('[AU29] a capability permits on a channel what the resources that cover it list, and nothing else', () => {
  fc.assert(
    fc.property(capability, fc.constantFrom(...channels), (value, channel) => {
      const lists = JSON.parse(value.text) as Record<string, string[]>;
      const granted = Object.keys(lists).flatMap((pattern) => (covers(pattern, channel) ? (lists[pattern] ?? []) : []));
      for (const operation of operations) {
        expect(value.allows(operation, channel)).toBe(granted.includes(operation) || granted.includes('*'));
      }
    }),
    settings,
  );
});

test('[AU28] what two capabilities have in common is what both permit, less where their resources merely overlap', () => {
  fc.assert(
    fc.property(capability, capability, (a, b) => {
      const both = a.intersect(b);
      const isExact = !resourcesOf(a).some((left) => resourcesOf(b).some((right) => overlapOnly(left, right)));
      const wrong = channels.filter((channel) =>
        operations.some((operation) => {
          const permitted = a.allows(operation, channel) && b.allows(operation, channel);
          const given = both.allows(operation, channel);
          return isExact ? given !== permitted : given && !permitted;
        }),
      );
      expect(wrong).toEqual([]);
    }),
    { ...settings, numRuns: 300 },
  );
});

test('[AU28] intersection is the same from either side, changes nothing when repeated, and never widens', () => {
  fc.assert(
    fc.property(capability, capability, (a, b) => {
      const both = a.intersect(b);
      expect(b.intersect(a).text).toBe(both.text);
      expect(both.intersect(a).text).toBe(both.text);
      expect(a.intersect(a).text).toBe(a.text);
    }),
    settings,
  );
});

test('[AU26] text that differs in order only reads to the same capability', () => {
  fc.assert(
    fc.property(fc.dictionary(resource, operationList), (map) => {
      const reversed = Object.fromEntries(
        Object.entries(map)
          .reverse()
          .map(([pattern, list]) => [pattern, [...list].reverse()]),
      );
      expect(Capability.parse(reversed).text).toBe(Capability.parse(map).text);
    }),
    settings,
  );
});
