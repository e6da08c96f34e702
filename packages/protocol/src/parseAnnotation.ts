import { AnnotationAction } from './action.ts';
import type { Format } from './codec.ts';
import { errors } from './codes.ts';
import { isMap, readAction, readCount, readText } from './field.ts';
import type { Annotation } from './message.ts';
import { type ParseOptions, readShared } from './parseMessage.ts';

/** An annotation as a client sent it, under the rules of `parseMessage`; without an action it is created. */
export function parseAnnotation(value: unknown, format: Format, options?: ParseOptions): Annotation {
  if (!isMap(value)) throw errors.badRequest('annotation must be an object');
  const annotation: Annotation = { action: readAction(value.action, 'action') ?? AnnotationAction.CREATE };
  readShared(annotation, value, format, options);
  const serial = readText(value.serial, 'serial');
  if (serial !== undefined) annotation.serial = serial;
  const messageSerial = readText(value.messageSerial, 'messageSerial');
  if (messageSerial !== undefined) annotation.messageSerial = messageSerial;
  const type = readText(value.type, 'type');
  if (type !== undefined) annotation.type = type;
  const name = readText(value.name, 'name');
  if (name !== undefined) annotation.name = name;
  const count = readCount(value.count, 'count');
  if (count !== undefined) annotation.count = count;
  return annotation;
}
