import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { CountingMeter } from './countingMeter.ts';

/** What is counted now, rather than ever. */
export interface Levels {
  readonly connections: () => number;
  readonly channels: () => number;
  readonly sockets: () => number;
  readonly cometSessions: () => number;
  /** By the id of the app, which operators choose. */
  readonly streams: () => ReadonlyMap<string, number>;
}

/** Metrics of one server in the text format of Prometheus, and those of its process. No label is one that a client can choose. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Shows what a meter has counted; nothing is copied before somebody asks. */
export function createMetrics(meter: CountingMeter, levels: Levels): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name: `parvis_${name}_total`,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  const labelled = (name: string, help: string, label: string, counts: ReadonlyMap<string, number>) =>
    new Counter({
      name: `parvis_${name}_total`,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of counts) this.inc({ [label]: value }, count);
      },
    });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `parvis_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('connections', 'Connections that are open', levels.connections);
  gauge('channels', 'Channels in memory', levels.channels);
  gauge('sockets', 'WebSockets that are open, those of ended connections included', levels.sockets);
  gauge('comet_sessions', 'Comet sessions that are open, or have something left to fetch', levels.cometSessions);
  new Gauge({
    name: 'parvis_streams',
    help: 'Event streams that are open, by app',
    labelNames: ['app'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [app, count] of levels.streams()) this.set({ app }, count);
    },
  });
  labelled('connections_opened', 'Connections made, by format', 'format', meter.opened);
  labelled('connections_ended', 'Connections ended, by reason', 'reason', meter.ended);
  labelled('refused', 'Frames and requests answered with an error, by its code', 'code', meter.refusals);
  counter('frames_received', 'Frames of clients', () => meter.frames);
  counter('unknown_actions', 'Frames with an action that is not known', () => meter.unknownActions);
  counter('messages_published', 'Messages published', () => meter.published);
  counter('frames_delivered', 'Frames handed to attachments', () => meter.delivered);
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
