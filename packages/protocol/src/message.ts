import type { ErrorShape } from './error.ts';

/**
 * Payload in canonical form: text or bytes. Objects travel as their JSON text with `encoding` ending in `json`.
 * Bytes never carry a trailing `base64` step here: that step exists in JSON frames only (protocol reference 2.10.3).
 */
export type Data = string | Uint8Array;

/** A map that came from a client: own keys only, whatever they are called. */
export type Extras = Record<string, unknown>;

/** What a version of a message is, who made it and why (spec TM2s). */
export interface MessageVersion {
  serial?: string;
  timestamp?: number;
  clientId?: string;
  description?: string;
  metadata?: Record<string, string>;
}

/** One message of a channel (spec TM2). Times are ms since the epoch. */
export interface Message {
  id?: string;
  name?: string;
  data?: Data;
  encoding?: string;
  clientId?: string;
  connectionId?: string;
  /** REST only: publish on behalf of this connection; never delivered. */
  connectionKey?: string;
  extras?: Extras;
  timestamp?: number;
  action?: number;
  serial?: string;
  version?: MessageVersion;
  annotations?: MessageAnnotations;
}

/** What the service tells with a message about the annotations on it (spec TM2u, TM8). */
export interface MessageAnnotations {
  /** By annotation type; the form of each follows from the method in its type. */
  summary?: Record<string, unknown>;
}

/** Something said about a message by whoever read it: a reaction, a rating, a receipt (spec TAN2). */
export interface Annotation {
  /** One of AnnotationAction. */
  action: number;
  id?: string;
  clientId?: string;
  connectionId?: string;
  data?: Data;
  encoding?: string;
  extras?: Extras;
  timestamp?: number;
  serial?: string;
  /** Serial of the message it is about. */
  messageSerial?: string;
  /** `<namespace>:<method>.v1`, or a name without a method. */
  type?: string;
  name?: string;
  count?: number;
}

/** One event or one member of a presence set (spec TP3). */
export interface PresenceMessage {
  action: number;
  id?: string;
  clientId?: string;
  connectionId?: string;
  data?: Data;
  encoding?: string;
  extras?: Extras;
  timestamp?: number;
}

/** What CONNECTED tells the client about its connection (spec CD2). Times in ms, sizes in bytes. */
export interface ConnectionDetails {
  connectionKey: string;
  clientId?: string;
  maxMessageSize: number;
  maxFrameSize: number;
  maxInboundRate: number;
  connectionStateTtl: number;
  maxIdleInterval: number;
  serverId: string;
}

/** Result of one acknowledged ProtocolMessage: a serial for each message, null if it was discarded. */
export interface PublishResult {
  serials: (string | null)[];
}

/** One frame between client and service (spec TR4). */
export interface ProtocolMessage {
  action: number;
  flags?: number;
  id?: string;
  timestamp?: number;
  channel?: string;
  channelSerial?: string;
  msgSerial?: number;
  count?: number;
  res?: PublishResult[];
  error?: ErrorShape;
  connectionId?: string;
  connectionDetails?: ConnectionDetails;
  messages?: Message[];
  presence?: PresenceMessage[];
  annotations?: Annotation[];
  params?: Record<string, string>;
  auth?: { accessToken?: string };
}
