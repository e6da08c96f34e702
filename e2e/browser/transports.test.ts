import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CutProxy } from '../oracle/cutProxy.ts';
import { startOracle } from '../oracle/harness.ts';
import { describeInChromium } from './chromium.ts';

vi.setConfig({ testTimeout: 60_000 });
const patience = { timeout: 20_000, interval: 50 };

/** A page with the official client for browsers, which keeps what it hears. */
const page = `<!doctype html>
<title>A reader</title>
<link rel="icon" href="data:,">
<script src="/ably.min.js"></script>
<script>
  window.heard = [];
  window.states = [];
  window.connect = (port, key) => {
    const address = '127.0.0.1:' + port;
    window.client = new Ably.Realtime({
      key, endpoint: '127.0.0.1', port, tls: false, logLevel: 0, disconnectedRetryTimeout: 500,
      connectivityCheckUrl: 'http://' + address + '/is-the-internet-up.txt',
      wsConnectivityCheckUrl: 'ws://' + address + '/ws-up',
    });
    client.connection.on((change) => states.push(change.current));
    return client.channels.get('room').subscribe((message) => heard.push(message.data));
  };
  window.listen = (url) => {
    window.source = new EventSource(url);
    source.onmessage = (event) => heard.push(JSON.parse(event.data).data);
    source.onopen = () => states.push('open');
    source.onerror = () => states.push('error');
  };
</script>`;

/** Serves the page and the client, at an origin of its own. */
async function startPages(): Promise<Server> {
  const client = await readFile(new URL('../../node_modules/ably/build/ably.min.js', import.meta.url));
  const server = createServer(({ url }, response) => {
    const isClient = url === '/ably.min.js';
    response.writeHead(200, { 'content-type': isClient ? 'text/javascript' : 'text/html; charset=utf-8' });
    response.end(isClient ? client : page);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return server;
}

const oracle = await startOracle();
const gauge = async (name: string) => {
  const text = await (await fetch(`${oracle.server.url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, 'm').exec(text)?.[1] ?? 0);
};
const publish = (data: string, channel = 'room') => oracle.rest('json').channels.get(channel).publish('n', data);

describeInChromium('a page of another origin', (chromium) => {
  let pages: Server;
  let proxy: CutProxy;
  beforeAll(async () => {
    pages = await startPages();
    proxy = await CutProxy.to(oracle.server.port);
  });
  afterAll(async () => {
    await proxy?.close();
    pages?.close();
  });

  const open = () => chromium.open(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
  const heard = (window: Page) => window.evaluate('heard') as Promise<string[]>;
  const states = (window: Page) => window.evaluate('states') as Promise<string[]>;
  /** Whether WebSockets get through. */
  const letWebSockets = (through: boolean) => {
    proxy.watch = (direction, bytes) =>
      !through && direction === 'up' && /^upgrade: websocket/im.test(bytes.toString('latin1')) ? 'cut' : 'pass';
  };

  test('[CM22] the official client connects by WebSocket, goes on over comet when those are refused, and misses nothing', async () => {
    letWebSockets(true);
    const window = await open();
    await window.evaluate(`connect(${proxy.port}, ${JSON.stringify(oracle.key)})`);
    const id = await window.evaluate('client.connection.id');
    expect(await gauge('parvis_comet_sessions')).toBe(0);
    await publish('one ☃');
    await expect.poll(() => heard(window), patience).toEqual(['one ☃']);
    letWebSockets(false);
    proxy.cut();
    await publish('two');
    await expect.poll(() => gauge('parvis_comet_sessions'), patience).toBe(1);
    await expect.poll(() => heard(window), patience).toEqual(['one ☃', 'two']);
    expect(await window.evaluate('client.connection.id')).toBe(id);
    await window.evaluate(`client.channels.get('room').publish('n', 'three ☃')`);
    await expect.poll(() => heard(window), patience).toEqual(['one ☃', 'two', 'three ☃']);
    proxy.cut();
    await publish('four');
    await expect.poll(() => heard(window), patience).toEqual(['one ☃', 'two', 'three ☃', 'four']);
    expect(await window.evaluate('client.connection.id')).toBe(id);
    await window.evaluate('client.close()');
    await expect.poll(() => gauge('parvis_comet_sessions'), patience).toBe(0);
  });

  test('[CM22] a page that never gets a WebSocket through connects all the same', async () => {
    letWebSockets(false);
    const window = await open();
    await window.evaluate(`connect(${proxy.port}, ${JSON.stringify(oracle.key)})`);
    expect((await states(window)).at(-1)).toBe('connected');
    await window.evaluate(`client.channels.get('room').publish('n', 'mine')`);
    await expect.poll(() => heard(window), patience).toEqual(['mine']);
  });

  test('[SE17] an EventSource reads a channel, and comes back by itself where it stood', async () => {
    letWebSockets(true);
    const window = await open();
    const query = new URLSearchParams({ channels: 'read', v: '1.2', key: oracle.key, rewind: '1' });
    await window.evaluate(`listen('http://127.0.0.1:${proxy.port}/event-stream?${query}')`);
    await expect.poll(() => states(window), patience).toEqual(['open']);
    await expect.poll(() => gauge('parvis_streams'), patience).toBe(1);
    await publish('first ☃', 'read');
    await expect.poll(() => heard(window), patience).toEqual(['first ☃']);
    proxy.cut();
    for (const data of ['second', 'third']) await publish(data, 'read');
    await expect.poll(() => heard(window), patience).toEqual(['first ☃', 'second', 'third']);
    await publish('fourth', 'read');
    await expect.poll(() => heard(window), patience).toEqual(['first ☃', 'second', 'third', 'fourth']);
    expect((await states(window)).filter((state) => state === 'open')).toHaveLength(2);
    await window.evaluate('source.close()');
    await expect.poll(() => gauge('parvis_streams'), patience).toBe(0);
  });
});
