import type { ProtocolMessage } from '@parvis/protocol';
import type { KeyExpression } from '../filter/keyExpression.ts';
import { wholeMessagesOf } from './entryView.ts';

/**
 * A frame with the last message of each key, and all messages without one, in their order: who conflates is interested in
 * how things are, and not in how they came to be so.
 */
export function lastOfEach(key: KeyExpression, frame: ProtocolMessage): ProtocolMessage {
  const { messages = [], connectionId } = frame;
  if (messages.length < 2) return frame;
  const keys = messages.map((message) => key.keyOf({ connectionId, ...message }));
  const last = new Map(keys.map((each, index) => [each, index]));
  const kept = wholeMessagesOf(frame).filter((_, index) => {
    const own = keys[index];
    return own === undefined || last.get(own) === index;
  });
  if (kept.length === messages.length) return frame;
  const { id: _, ...rest } = frame;
  return { ...rest, messages: kept };
}
