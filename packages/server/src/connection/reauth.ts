import { errors, type ProtocolMessage, toErrorInfo } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import type { Connection } from './connection.ts';

/**
 * Takes a new token on a living connection. The answer is CONNECTED with the same id and key; channels that the new
 * capability does not grant are lost. A token that does not fit ends the connection (spec RTC8, protocol reference 2.12).
 */
export function reauthorize(connection: Connection, message: ProtocolMessage): void {
  const token = message.auth?.accessToken;
  try {
    if (token === undefined || token === '') throw errors.badRequest('AUTH needs auth.accessToken');
    const { authenticator } = connection.host;
    const renewed = authenticator.renew(connection.principal, token, connection.options.secure);
    if (renewed instanceof Promise) acceptLater(connection, renewed);
    else accept(connection, renewed);
  } catch (failure) {
    connection.fail(toErrorInfo(failure));
  }
}

/** What the client sends behind AUTH waits: it is meant to be judged by the new token. */
function acceptLater(connection: Connection, renewed: Promise<Principal>): void {
  const accepted = renewed
    .then((principal) => accept(connection, principal))
    .catch((failure) => connection.fail(toErrorInfo(failure)));
  connection.unreadUntil(accepted);
}

function accept(connection: Connection, principal: Principal): void {
  if (connection.state !== 'connected') return;
  connection.authorize(principal);
  connection.sendConnected();
  connection.attachments.review();
}
