import type { Variant } from './variant.ts';

/** What became of a test. */
export type TestState = 'passed' | 'failed' | 'pending';

/** A test as the reporter wrote it down; several may have one title. */
export interface TestResult {
  readonly title: string;
  readonly state: TestState;
  /** What a failed one said, its first line. */
  readonly message?: string;
}

/** One file of the suite, run once. */
export interface FileRun {
  /** Path below `test`, without `.test.js`: `rest/push`. */
  readonly file: string;
  readonly variant: Variant;
  readonly tests: readonly TestResult[];
  /** False if mocha was ended from outside or fell over; its tests are then those that were done. */
  readonly ended: boolean;
}

/** Results by title. Where several tests share a title, one that failed stands for all, then one that passed. */
export function statesOf({ tests }: FileRun): ReadonlyMap<string, TestResult> {
  const states = new Map<string, TestResult>();
  const weight: Record<TestState, number> = { failed: 2, passed: 1, pending: 0 };
  for (const test of tests) {
    const before = states.get(test.title);
    if (before === undefined || weight[test.state] > weight[before.state]) states.set(test.title, test);
  }
  return states;
}

/** How many tests of a run ended in each way. */
export function countsOf({ tests }: FileRun): Record<TestState, number> {
  const count = (state: TestState) => tests.filter((test) => test.state === state).length;
  return { passed: count('passed'), failed: count('failed'), pending: count('pending') };
}

/** Reads the lines of the reporter; a line that was cut off is no result. `ended` is whether the last one was there. */
export function parseReport(text: string): Pick<FileRun, 'tests' | 'ended'> {
  const lines = text.split('\n').slice(0, -1);
  const events = lines.map((line) => JSON.parse(line) as TestResult | { end: true });
  return {
    tests: events.filter((event): event is TestResult => 'title' in event),
    ended: events.some((event) => 'end' in event),
  };
}
