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
  params?: Record<string, string>;
  auth?: { accessToken?: string };
}
