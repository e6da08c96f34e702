import { describe, expect, it } from 'vitest';
import { addRecord, entriesOf, extendRecord, treeOf } from './statsRecord.ts';

const entries = (record: Record<string, number>) => entriesOf(new Map(Object.entries(record)));

describe('numbers of statistics', () => {
  it('[SA2] a counter is part of all its totals', () => {
    expect(entries({ 'inbound.realtime.messages.count': 50, 'inbound.realtime.messages.data': 5_000 })).toEqual({
      'messages.all.all.count': 50,
      'messages.all.all.data': 5_000,
      'messages.all.messages.count': 50,
      'messages.all.messages.data': 5_000,
      'messages.inbound.all.all.count': 50,
      'messages.inbound.all.all.data': 5_000,
      'messages.inbound.all.messages.count': 50,
      'messages.inbound.all.messages.data': 5_000,
      'messages.inbound.realtime.all.count': 50,
      'messages.inbound.realtime.all.data': 5_000,
      'messages.inbound.realtime.messages.count': 50,
      'messages.inbound.realtime.messages.data': 5_000,
    });
  });

  it('[SA2] both ways, both sources and both kinds add up', () => {
    const all = entries({
      'inbound.realtime.messages.count': 1,
      'inbound.rest.messages.count': 2,
      'inbound.realtime.presence.count': 4,
      'outbound.realtime.messages.count': 8,
    });
    expect(all).toMatchObject({
      'messages.inbound.all.messages.count': 3,
      'messages.inbound.all.all.count': 7,
      'messages.inbound.realtime.all.count': 5,
      'messages.outbound.all.all.count': 8,
      'messages.all.messages.count': 11,
      'messages.all.all.count': 15,
    });
  });

  it('[SA2] connections, channels, requests and what is persisted have names of their own; zero has none', () => {
    const record = {
      'persisted.presence.count': 20,
      'persisted.presence.data': 2_000,
      'connections.tls.peak': 20,
      'connections.tls.opened': 10,
      'channels.peak': 50,
      'channels.opened': 0,
      'apiRequests.succeeded': 50,
      'apiRequests.failed': 10,
      'tokenRequests.succeeded': 60,
      'tokenRequests.failed': 20,
    };
    expect(entries(record)).toEqual({
      'apiRequests.all.failed': 30,
      'apiRequests.all.succeeded': 110,
      'apiRequests.other.failed': 10,
      'apiRequests.other.succeeded': 50,
      'apiRequests.tokenRequests.failed': 20,
      'apiRequests.tokenRequests.succeeded': 60,
      'channels.peak': 50,
      'connections.all.opened': 10,
      'connections.all.peak': 20,
      'connections.tls.opened': 10,
      'connections.tls.peak': 20,
      'messages.persisted.all.count': 20,
      'messages.persisted.all.data': 2_000,
      'messages.persisted.presence.count': 20,
      'messages.persisted.presence.data': 2_000,
    });
    expect(treeOf(entries(record))).toEqual({
      apiRequests: { failed: 10, succeeded: 50 },
      tokenRequests: { failed: 20, succeeded: 60 },
      channels: { peak: 50 },
      connections: { all: { opened: 10, peak: 20 }, tls: { opened: 10, peak: 20 } },
      persisted: { all: { count: 20, data: 2_000 }, presence: { count: 20, data: 2_000 } },
    });
  });

  it('[SA3] over time counts are summed and the highest peak counts; what nodes counted at once is summed', () => {
    const nodes = new Map<string, number>();
    addRecord(nodes, { 'channels.peak': 2, 'channels.opened': 1 });
    addRecord(nodes, { 'channels.peak': 3, 'channels.opened': 1 });
    const hour = new Map<string, number>();
    extendRecord(hour, nodes);
    extendRecord(
      hour,
      new Map([
        ['channels.peak', 4],
        ['channels.opened', 4],
      ]),
    );
    expect(Object.fromEntries(hour)).toEqual({ 'channels.peak': 5, 'channels.opened': 6 });
  });
});
