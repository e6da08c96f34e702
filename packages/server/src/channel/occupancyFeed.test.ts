import { createFakeClock } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import type { Entry } from '../engine/engine.ts';
import type { Attachment } from './attachment.ts';
import type { Frame } from './frame.ts';
import { emptyOccupancy } from './occupancy.ts';
import { OccupancyFeed } from './occupancyFeed.ts';

/** An attachment as much as a feed has to do with it. */
function listener() {
  const told: number[] = [];
  const heard = {
    told,
    late: undefined as Entry[] | undefined,
    send({ message }: Frame) {
      told.push(JSON.parse(String(message.messages?.[0]?.data)).metrics.connections);
    },
  };
  return heard as typeof heard & Attachment;
}

describe('a feed of occupancy', () => {
  it('[OY7] who still lacks what came before is told when it has that', () => {
    const clock = createFakeClock();
    let connections = 1;
    const source = {
      name: 'room',
      settle: () => 'position',
      presentBits: () => 1,
      metrics: () => ({ ...emptyOccupancy, connections }),
    };
    const feed = new OccupancyFeed(source, clock, 1_000);
    const [one, late] = [listener(), listener()];
    for (const attachment of [one, late]) feed.add(attachment, 'metrics');
    late.late = [];
    connections = 2;
    feed.changed();
    clock.advance(1_000);
    expect([one.told, late.told]).toEqual([[1, 2], [1]]);
    late.late = undefined;
    clock.advance(1_000);
    expect(late.told).toEqual([1, 2]);
    expect(clock.timers).toBe(0);
  });
});
