import type { Apps } from './access/app.ts';
import { createAuthenticator } from './access/authenticator.ts';
import { Issuers } from './access/issuers.ts';
import type { Authenticator } from './access/principal.ts';
import { RevocationFeed } from './channel/revocationFeed.ts';
import type { Clock } from './clock.ts';
import { appsOf } from './configuredApps.ts';
import type { Engine } from './engine/engine.ts';
import type { Log } from './observe/log.ts';
import type { Settings } from './settings/settings.ts';

/** Who may come in: the apps of the settings, what is revoked of their tokens, and what tells one from another. */
export interface AccessParts {
  readonly apps: Apps;
  readonly authenticator: Authenticator;
  readonly revocations: RevocationFeed;
}

/** Throws 40003 or 40005 for apps, keys and issuers that are not valid. */
export function accessPartsOf(settings: Settings, engine: Engine, clock: Clock, log: Log): AccessParts {
  const apps = appsOf(settings);
  const report = (failure: unknown) => log.error({ err: failure }, 'what is revoked could not be learnt');
  const revocations = new RevocationFeed({ engine, apps, clock, report });
  const { issuers, insecureJwks: insecure, requireTls } = settings;
  const unreachable = (failure: unknown, issuer: string) =>
    log.warn({ err: failure, issuer }, 'public keys of an issuer could not be fetched');
  const verifier =
    issuers.length === 0 ? {} : { issuers: new Issuers({ issuers, apps, clock, insecure, report: unreachable }) };
  return {
    apps,
    revocations,
    authenticator: createAuthenticator({ apps, clock, requireTls, revocations, ...verifier }),
  };
}
