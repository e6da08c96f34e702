import { errors, type ProtocolMessage, toErrorInfo } from '@parvis/protocol';
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
    connection.authorize(authenticator.renew(connection.principal, token, connection.options.secure));
  } catch (failure) {
    connection.fail(toErrorInfo(failure));
    return;
  }
  connection.sendConnected();
  connection.attachments.review();
}
