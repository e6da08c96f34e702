import { errors } from './codes.ts';

/** Longest channel name, in UTF-16 code units. */
export const maxChannelNameLength = 2048;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controlPattern = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const surrogatePattern = /[\ud800-\udfff]/u;
const leadPattern = /^[:[,\s]/;

/**
 * A channel name that came from a client, unchanged, or throws 40010. Names are compared as code points and never
 * folded or normalised: two that look alike are two channels. `.` and `..` are refused because no URL path can hold them.
 */
export function assertChannelName(name: unknown): string {
  if (typeof name !== 'string') throw errors.badChannelName('it must be a string');
  if (name === '') throw errors.badChannelName('it must not be empty');
  if (name.length > maxChannelNameLength) {
    throw errors.badChannelName(`it must not be longer than ${maxChannelNameLength} characters`);
  }
  if (leadPattern.test(name)) {
    throw errors.badChannelName('it must not begin with a colon, a bracket, a comma or white space');
  }
  if (controlPattern.test(name)) throw errors.badChannelName('it must not contain line breaks or control characters');
  if (surrogatePattern.test(name)) throw errors.badChannelName('it must be well-formed Unicode');
  if (name === '.' || name === '..') throw errors.badChannelName('it must not be a dot segment of a path');
  return name;
}

/** Namespace of a channel: its name up to the first colon, all of it if there is none. */
export function namespaceOf(name: string): string {
  const colon = name.indexOf(':');
  return colon < 0 ? name : name.slice(0, colon);
}
