import { describe } from 'vitest';
import { appendRules } from './engineAppend.ts';
import { feedRules } from './engineFeed.ts';
import { type CreateEngine, EngineFixture } from './engineFixture.ts';
import { leaseRules } from './engineLease.ts';
import { readRules } from './engineRead.ts';
import { rowRules } from './engineRow.ts';

/** The contract of Engine: every engine passes all of it. */
export function describeEngine(name: string, create: CreateEngine): void {
  describe(`engine ${name}`, () => {
    const on = new EngineFixture(create);
    appendRules(on);
    feedRules(on);
    readRules(on);
    rowRules(on);
    leaseRules(on);
  });
}
