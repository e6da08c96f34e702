import { Action, type ProtocolMessage } from '@parvis/protocol';
import { expect } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';

/** A way into a server on which a token can be shown. */
export interface Entrance {
  readonly name: string;
  /** Shows a token. The code of the refusal, or undefined where it is let in; leaves again. */
  knock(port: number, token: string): Promise<number | undefined>;
}

const webSocket: Entrance = {
  name: 'WebSocket',
  async knock(port, token) {
    const client = new ProtocolClient(port, { access_token: token });
    const answer = await client.when('an answer', ({ action }) =>
      [Action.CONNECTED, Action.ERROR, Action.DISCONNECTED].some((each) => each === action),
    );
    if (answer.action === Action.CONNECTED) await client.close();
    else expect(await client.closed).toBe(1000);
    return answer.error?.code;
  },
};

const rest: Entrance = {
  name: 'REST',
  async knock(port, token) {
    const { status, headers } = await fetch(`http://127.0.0.1:${port}/channels/a/messages`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return status === 200 ? undefined : Number(headers.get('x-ably-errorcode'));
  },
};

/** A poll that connects; the answer is the first message, on a refusal in its body or its headers. */
const comet: Entrance = {
  name: 'comet',
  async knock(port, token) {
    const base = `http://127.0.0.1:${port}/comet`;
    const query = new URLSearchParams({ v: '6', stream: 'false', format: 'json', access_token: token });
    const response = await fetch(`${base}/connect?${query}`);
    const body: unknown = await response.json();
    const [message] = (Array.isArray(body) ? body : []) as ProtocolMessage[];
    if (message?.action !== Action.CONNECTED) {
      return message?.error?.code ?? Number(response.headers.get('x-ably-errorcode'));
    }
    const key = message.connectionDetails?.connectionKey ?? '';
    await fetch(`${base}/${key}/close?${query}`, { method: 'POST' });
    return undefined;
  },
};

/** A stream of events on one channel. */
const events: Entrance = {
  name: 'SSE',
  async knock(port, token) {
    const abort = new AbortController();
    const query = new URLSearchParams({ v: '6', channels: 'a', access_token: token });
    const response = await fetch(`http://127.0.0.1:${port}/sse?${query}`, { signal: abort.signal });
    const code = response.headers.get('x-ably-errorcode');
    abort.abort();
    return response.status === 200 ? undefined : Number(code);
  },
};

/** Every way in. All of them judge a token alike, and each lets in who may read the history of channel `a` and listen there. */
export const entrances: readonly Entrance[] = [webSocket, rest, comet, events];

/** The code that a token is refused with, the same by every way in; undefined where it is taken. */
export async function judgement(port: number, token: string): Promise<number | undefined> {
  const codes = new Map<string, number | undefined>();
  for (const { name, knock } of entrances) codes.set(name, await knock(port, token));
  const [code] = codes.values();
  expect(codes).toEqual(new Map(entrances.map(({ name }) => [name, code])));
  return code;
}
