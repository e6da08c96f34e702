import type { PresenceMessage } from '@parvis/protocol';

/**
 * A member's message without what is new in it: data of a space says by ids what a message changes, and repeated by the
 * service it changes nothing. Data of any other form stays as it is.
 */
export function withoutNews(message: PresenceMessage): PresenceMessage {
  const { data, encoding } = message;
  if (typeof data !== 'string' || encoding !== 'json') return message;
  try {
    const { profileUpdate, locationUpdate, ...rest } = JSON.parse(data);
    if (typeof profileUpdate !== 'object' || typeof locationUpdate !== 'object') return message;
    if (profileUpdate === null || locationUpdate === null) return message;
    const settled = {
      ...rest,
      profileUpdate: { ...profileUpdate, id: null },
      locationUpdate: { ...locationUpdate, id: null, previous: null },
    };
    return { ...message, data: JSON.stringify(settled) };
  } catch {
    return message;
  }
}
