import { Action, codecs, type ErrorInfo, errors, FrameError, isTokenError, toErrorInfo } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import { Frame } from '../channel/frame.ts';
import { requireIdentified } from '../channel/rule.ts';
import type { Transport, TransportEvents } from '../transport/transport.ts';
import { Connection, stateOwnerOf } from './connection.ts';
import { type ConnectRequest, connectRequestOf, isSpacesAgent } from './connectRequest.ts';
import { handlers } from './handlers.ts';
import type { ConnectionHost } from './host.ts';
import { randomText } from './randomText.ts';

/**
 * Opens a connection on a transport that a client has just made, from the query of its request. Refusals travel as
 * messages on the transport: a client cannot tell an HTTP refusal from a broken network (protocol reference 2.5).
 */
export function connect(host: ConnectionHost, transport: Transport, query: URLSearchParams, secure: boolean): void {
  const opening = new Opening(host, transport);
  transport.listen(opening);
  opening.start(query, secure).catch((failure) => opening.refuse(failure));
}

/** A transport from its first moment to its last: what it reports goes to the connection, once there is one. */
class Opening implements TransportEvents {
  connection: Connection | undefined;
  readonly #host: ConnectionHost;
  readonly #transport: Transport;
  #gone = false;

  constructor(host: ConnectionHost, transport: Transport) {
    this.#host = host;
    this.#transport = transport;
  }

  async start(query: URLSearchParams, secure: boolean): Promise<void> {
    const { limits, authenticator, connections } = this.#host;
    const request = connectRequestOf(query, secure, limits);
    if (connections.size + connections.waiting >= limits.maxConnections)
      throw errors.unavailable('the server has no room for more connections');
    const found = authenticator.authenticate(request.credentials);
    const principal = found instanceof Promise ? await this.#unread(found) : found;
    if (this.#gone) return;
    if (isSpacesAgent(request.agent)) requireIdentified(principal.clientId);
    if (request.resume === undefined) this.#establish(principal, request, newConnectionId());
    else await this.#resume(principal, request, request.resume);
  }

  drain(): void {
    this.connection?.outbox.drained();
  }

  alive(): void {
    if (this.connection !== undefined) alive(this.connection);
  }

  frame(bytes: Uint8Array): void {
    if (this.connection !== undefined) receive(this.connection, bytes);
    else if (!this.#gone) this.refuse(errors.protocolViolation('nothing may be sent before CONNECTED'));
  }

  /** Answers a refusal and ends the transport. A token error that can be mended is told so that the client mends it. */
  refuse(failure: unknown): void {
    if (this.#gone) return;
    this.#gone = true;
    const error = toErrorInfo(failure);
    this.#host.refused(error, { remote: this.#transport.remote, failure });
    const retryable = isTokenError(error.code) || error.statusCode >= 500;
    const action = retryable ? Action.DISCONNECTED : Action.ERROR;
    const frame = new Frame({ action, error: error.toJSON() });
    this.#transport.write(frame.bytes(this.#transport.wire));
    this.#transport.close();
  }

  closed(): void {
    this.#gone = true;
    this.connection?.lose();
  }

  /** Goes on with an earlier connection, or makes a new one and says why (spec RTN15, RTN16). */
  async #resume(principal: Principal, request: ConnectRequest, key: string): Promise<void> {
    const check = this.#host.keys.check(key, principal);
    if (check.kind === 'otherClient') {
      throw errors.incompatibleCredentials('the connection to be resumed belongs to another clientId');
    }
    if (check.kind === 'invalid') {
      this.#establish(principal, request, newConnectionId(), errors.connectionKeyInvalid());
      return;
    }
    const { connectionId } = check;
    const alive = await this.#claim(stateOwnerOf(principal, connectionId), connectionId);
    if (this.#gone) return;
    if (!alive) {
      await this.#host.engine.lease(stateOwnerOf(principal, connectionId), 0);
      this.#establish(principal, request, newConnectionId(), errors.connectionExpired());
      return;
    }
    this.#host.connections.get(connectionId)?.replace();
    this.#establish(principal, request, connectionId);
  }

  /** Holds the state of an earlier connection, if it is still there. What the client sends meanwhile waits in the socket. */
  async #claim(stateOwner: string, connectionId: string): Promise<boolean> {
    const { engine, limits, connections } = this.#host;
    const alive = await this.#unread(engine.lease(stateOwner, engine.leaseMs));
    // Nobody is there any more to let go of it one day.
    const isOurs = this.#gone && connections.get(connectionId) === undefined;
    if (isOurs) await engine.lease(stateOwner, alive ? limits.connectionStateTtlMs : 0);
    return alive;
  }

  /** Waits, and reads nothing meanwhile. A wait that takes too long ends the transport (50003). */
  async #unread<T>(settled: Promise<T>): Promise<T> {
    const { clock, limits, connections } = this.#host;
    const cancel = clock.after(limits.connectTimeoutMs, () => this.refuse(errors.timeout('connecting took too long')));
    connections.waiting += 1;
    this.#transport.pause();
    try {
      return await settled;
    } finally {
      connections.waiting -= 1;
      cancel();
      this.#transport.resume();
    }
  }

  #establish(principal: Principal, request: ConnectRequest, connectionId: string, lost?: ErrorInfo): void {
    if (this.#gone) return;
    const resumed = request.resume !== undefined && lost === undefined;
    const connection = new Connection(this.#host, this.#transport, principal, request.options, {
      connectionId,
      resumed,
    });
    this.connection = connection;
    this.#transport.named?.(connection.key);
    const { engine } = this.#host;
    const leased = (failure: unknown) =>
      this.#host.report('lease of a connection could not be set', { connectionId, failure });
    engine.lease(connection.stateOwner, engine.leaseMs).catch(leased);
    if (resumed) engine.lease(connection.owner, engine.leaseMs).catch(leased);
    connection.sendConnected(lost);
    connection.watchExpiry();
  }
}

/** Takes one frame of the client: decodes it and looks up what to do. */
function receive(connection: Connection, bytes: Uint8Array): void {
  if (connection.state !== 'connected' || !alive(connection)) return;
  const { host, outbox } = connection;
  host.meter.frameReceived();
  try {
    const message = codecs[outbox.transport.wire.format].decode(bytes);
    const handler = handlers.get(message.action);
    if (handler === undefined) host.meter.unknownAction();
    else handler(connection, message);
  } catch (failure) {
    refuseFrame(connection, failure);
  }
}

/** A sign of life; whether the connection still keeps to the rate of frames. */
function alive(connection: Connection): boolean {
  const { host } = connection;
  connection.lastSeen = host.clock.now();
  if (connection.protocolRate.take(1, connection.lastSeen)) return true;
  connection.fail(errors.inboundFlood(host.limits.maxProtocolRate));
  return false;
}

/** A bad publish is refused by its serial, a bad frame on a channel ends the channel, anything else the connection. */
function refuseFrame(connection: Connection, failure: unknown): void {
  const error = toErrorInfo(failure);
  if (failure instanceof FrameError && failure.msgSerial !== undefined && isAcknowledged(failure.action)) {
    connection.host.refused(error, { connectionId: connection.connectionId });
    connection.reserve(failure.msgSerial).nack(error);
  } else if (failure instanceof FrameError && failure.action === Action.ATTACH && failure.channel !== undefined) {
    connection.host.refused(error, { connectionId: connection.connectionId });
    connection.sendMessage({ action: Action.ERROR, channel: failure.channel, error: error.toJSON() });
  } else {
    connection.host.refused(error, { connectionId: connection.connectionId, failure });
    connection.fail(error);
  }
}

function isAcknowledged(action: number | undefined): boolean {
  return action === Action.MESSAGE || action === Action.PRESENCE || action === Action.ANNOTATION;
}

/** 16 characters, 96 random bits: no colon, which would break presence ids. */
function newConnectionId(): string {
  return randomText(12);
}
