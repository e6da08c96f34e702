import * as crypto from 'node:crypto';

/** One call where the runtime has it (Node 20.12), which costs half of an object that is fed and asked. */
const oneCall: typeof crypto.hash | undefined = crypto.hash;

/** Hash of a text as base64 or base64url. */
export const digestOf: (algorithm: 'sha1' | 'sha256', text: string, encoding: 'base64' | 'base64url') => string =
  oneCall !== undefined
    ? (algorithm, text, encoding) => oneCall(algorithm, text, encoding)
    : (algorithm, text, encoding) => crypto.createHash(algorithm).update(text).digest(encoding);
