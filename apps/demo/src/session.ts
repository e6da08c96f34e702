import './plug.ts';
import { Realtime } from 'ably';
import type { Identity } from './identity.ts';

/** The realtime client of this window: it speaks to the server that the page came from and asks it for its tokens. */
export function openClient({ visitor }: Identity): Realtime {
  const { hostname, port, protocol, origin, host } = location;
  const tls = protocol === 'https:';
  return new Realtime({
    authUrl: `${origin}/api/token`,
    authParams: { visitor },
    endpoint: hostname,
    ...(port && { [tls ? 'tlsPort' : 'port']: Number(port) }),
    tls,
    transports: ['web_socket'],
    // Both would ask hosts on the internet.
    disableConnectivityCheck: true,
    wsConnectivityCheckUrl: `${tls ? 'wss' : 'ws'}://${host}/ws-up`,
  });
}
