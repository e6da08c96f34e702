import { type ErrorInfo, errors } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import type { Connection } from './connection.ts';
import { credentialsOf } from './connectRequest.ts';
import type { ConnectionHost } from './host.ts';

/**
 * Judges a request that belongs to a connection made by an earlier one: rejects unless the key is one of ours, and the
 * request shows credentials of the client that it was given to. What the connection may do stays what its own token says.
 * Rejects as the authenticator does, with 80018 for a key that is forged or of another API key, 40102 for another client's.
 */
export async function admit(
  host: ConnectionHost,
  connectionKey: string,
  query: URLSearchParams,
  secure: boolean,
): Promise<void> {
  const credentials = credentialsOf(query, secure);
  const principal = await host.authenticator.authenticate(credentials);
  const { kind } = host.keys.check(connectionKey, principal);
  if (kind === 'valid' || (kind === 'otherClient' && mayActAsAny(principal))) return;
  if (kind === 'invalid') throw errors.sessionKeyInvalid();
  const connection = connectionOf(host, connectionKey);
  // A connection that began with the API key may have gone on with a token without a clientId.
  if (connection === undefined || credentials.token === undefined) throw notYours();
  await host.authenticator.renew(connection.opener, credentials.token, secure);
}

/** What to tell a client whose key is ours, but whose connection has no pipe by that key. */
export function whyGone(host: ConnectionHost, connectionKey: string): ErrorInfo {
  const connection = host.connections.get(idOf(connectionKey));
  return connection === undefined || connection.key === connectionKey
    ? errors.sessionUnknown()
    : errors.connectionReplaced();
}

function connectionOf(host: ConnectionHost, connectionKey: string): Connection | undefined {
  const connection = host.connections.get(idOf(connectionKey));
  return connection?.key === connectionKey ? connection : undefined;
}

function idOf(connectionKey: string): string {
  return connectionKey.split('!', 1)[0] ?? '';
}

/** Who shows the API key itself, or a token for any client, might have opened the connection as that client, too. */
function mayActAsAny({ clientId, method }: Principal): boolean {
  return method === 'key' || clientId === '*';
}

function notYours(): ErrorInfo {
  return errors.incompatibleCredentials('the connection belongs to another client');
}
