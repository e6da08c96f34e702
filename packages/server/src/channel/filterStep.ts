import { errors, type Message, type ProtocolMessage } from '@parvis/protocol';
import { Filter } from '../filter/filter.ts';
import { FilterError } from '../filter/tokens.ts';
import { wholeMessagesOf } from './entryView.ts';
import type { ViewStep } from './view.ts';

/**
 * The step of a derived channel: of the messages of a frame those that pass the filter. Those that follow a message that
 * does not carry their ids themselves. Throws 40010 for an expression that cannot be understood.
 */
export function filterStep(expression: string): ViewStep {
  const filter = filterOf(expression);
  return { key: `filter ${filter.key}`, show: (frame) => passing(filter, frame) };
}

function filterOf(expression: string): Filter {
  try {
    return new Filter(expression);
  } catch (failure) {
    if (failure instanceof FilterError) throw errors.badChannelName(`its filter cannot be read: ${failure.message}`);
    throw failure;
  }
}

function passing(filter: Filter, frame: ProtocolMessage): ProtocolMessage | undefined {
  const { messages = [], connectionId } = frame;
  const passes = (message: Message) => filter.matches({ connectionId, ...message });
  const kept = new Set(messages.flatMap((message, index) => (passes(message) ? [index] : [])));
  if (kept.size === messages.length) return frame;
  if (kept.size === 0) return undefined;
  const { id: _, ...rest } = frame;
  return { ...rest, messages: wholeMessagesOf(frame).filter((__, index) => kept.has(index)) };
}
