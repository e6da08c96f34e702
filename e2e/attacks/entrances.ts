import { Action } from '@parvis/protocol';
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

/** Every way in. All of them judge a token alike. */
export const entrances: readonly Entrance[] = [webSocket, rest];

/** The code that a token is refused with, the same by every way in; undefined where it is taken. */
export async function judgement(port: number, token: string): Promise<number | undefined> {
  const codes = new Map<string, number | undefined>();
  for (const { name, knock } of entrances) codes.set(name, await knock(port, token));
  const [code] = codes.values();
  expect(codes).toEqual(new Map(entrances.map(({ name }) => [name, code])));
  return code;
}
