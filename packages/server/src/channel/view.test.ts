import { Action, type Message } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { DeltaChain, DeltaPosition } from './delta.ts';
import { Frame } from './frame.ts';
import { Showing } from './showing.ts';
import { View, type ViewStep } from './view.ts';

let published = 0;

/** A frame of one message that nobody has a view of yet. */
function frameOf(message: Message): Frame {
  const serial = String(published++);
  const messages = [{ serial, action: 0, ...message }];
  return new Frame({ action: Action.MESSAGE, channel: 'room', id: `m${serial}`, channelSerial: serial, messages });
}

const viewOf = (parts: Partial<ConstructorParameters<typeof View>[0]>) =>
  new View({ name: undefined, messagesOnly: false, steps: [], delta: undefined, ...parts });

describe('views', () => {
  it('[FL5] a step is taken once for all that have it, and makes one frame for each name', () => {
    let calls = 0;
    const step = (): ViewStep => ({
      key: 'counting',
      show(frame) {
        calls += 1;
        return { ...frame, messages: [{ data: 'shown' }] };
      },
    });
    const showing = new Showing(frameOf({ data: 'a' }), []);
    const shown = [1, 2, 3].map(() => viewOf({ steps: [step()] }).show(showing));
    expect(new Set(shown).size).toBe(1);
    const named = ['[?x]room', '[?y]room', '[?x]room'].map((name) => viewOf({ name, steps: [step()] }).show(showing));
    expect(named.map((frame) => frame?.message.channel)).toEqual(['[?x]room', '[?y]room', '[?x]room']);
    expect(named[0]).toBe(named[2]);
    expect(calls).toBe(1);
  });

  it('[FL5] what is not shown to one is looked at once for all, too', () => {
    let calls = 0;
    const hide: ViewStep = {
      key: 'hiding',
      show() {
        calls += 1;
        return undefined;
      },
    };
    const showing = new Showing(frameOf({ data: 'a' }), []);
    for (let count = 0; count < 3; count++) expect(viewOf({ steps: [hide] }).show(showing)).toBeUndefined();
    expect(calls).toBe(1);
  });

  it('[QN3] whoever sees what all see gets the very frame that all get', () => {
    const frame = new Frame(frameOf({ data: 'a' }).message, () => ({ kind: 'message', parts: new Map() }));
    expect(viewOf({}).show(new Showing(frame, []))).toBe(frame);
  });

  it('[DL7] whoever stands at the same place gets the same frame, made once', () => {
    const chain = new DeltaChain();
    const views = [1, 2, 3].map(() => viewOf({ delta: new DeltaPosition() }));
    const frames = ['one text of some length', 'one text of the same length'].map((data) => {
      const frame = frameOf({ data });
      const run = chain.begin(frame.message);
      const showing = new Showing(frame, [], run);
      const shown = views.map((view) => view.show(showing));
      run.end();
      return shown;
    });
    for (const shown of frames) expect(new Set(shown).size).toBe(1);
    expect(frames[1]?.[0]?.message.messages?.[0]?.encoding).toBe('utf-8/vcdiff');
  });
});
