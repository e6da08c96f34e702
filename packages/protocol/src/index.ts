export { Action, AnnotationAction, MessageAction, PresenceAction } from './action.ts';
export { decodeAnyBase64, decodeBase64, encodeBase64 } from './base64.ts';
export { assertChannelName, maxChannelNameLength, namespaceOf } from './channelName.ts';
export { bodyDecodeLimits, type Codec, type DecodeLimits, defaultDecodeLimits, type Format } from './codec.ts';
export { codecs } from './codecs.ts';
export { errors, isTokenError, toErrorInfo } from './codes.ts';
export {
  canonicalPayload,
  type Payload,
  renderAnnotation,
  renderMessage,
  renderPresence,
  sizeOf,
  utf8Length,
} from './data.ts';
export { ErrorInfo, type ErrorShape } from './error.ts';
export { type FrameEnvelope, FrameError } from './frameError.ts';
export { jsonCodec } from './json.ts';
export { isNewer, type MemberStamp, memberKey } from './member.ts';
export type {
  Annotation,
  ConnectionDetails,
  Data,
  Extras,
  Message,
  MessageAnnotations,
  MessageVersion,
  PresenceMessage,
  ProtocolMessage,
  PublishResult,
} from './message.ts';
export { defaultModes, Flag, Mode, type ModeName, modeMask, parseModes } from './mode.ts';
export { decodeMsgpack, encodeMsgpack, msgpackCodec } from './msgpack.ts';
export { parseAnnotation } from './parseAnnotation.ts';
export { parseFrame } from './parseFrame.ts';
export { type ParseOptions, parseMessage, parsePresenceMessage } from './parseMessage.ts';
export {
  compareSerials,
  epochOf,
  formatSerial,
  messageSerial,
  nextPosition,
  type Position,
  parseMessageSerial,
  parseSerial,
} from './serial.ts';
