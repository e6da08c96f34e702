import type { ErrorInfo } from '@parvis/protocol';
import type { Reply } from './reply.ts';

const MAX_HEADER_TEXT = 500;

/** An error as a reply: in the body, and in two headers for clients that do not look there. */
export function errorReply(error: ErrorInfo): Reply {
  return {
    status: error.statusCode,
    body: { error: error.toJSON() },
    headers: {
      'X-Ably-Errorcode': String(error.code),
      'X-Ably-Errormessage': headerText(error.message),
    },
  };
}

/** Text that can stand in a header whatever it was: no line break, nothing beyond ASCII. */
function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, MAX_HEADER_TEXT);
}
