import { Capability } from '@parvis/auth';
import { appFromKeys, createApps } from '../../packages/server/src/access/apps.ts';
import { createAuthenticator } from '../../packages/server/src/access/authenticator.ts';
import { RevocationFeed } from '../../packages/server/src/channel/revocationFeed.ts';
import { systemClock } from '../../packages/server/src/clock.ts';
import type { Engine } from '../../packages/server/src/engine/engine.ts';
import { createLocalEngine, createMemoryStore } from '../../packages/server/src/engine/index.ts';
import { defaultLimits } from '../../packages/server/src/limits.ts';
import { Node } from '../../packages/server/src/node.ts';
import { createLog } from '../../packages/server/src/observe/log.ts';
import { silentMeter } from '../../packages/server/src/observe/meter.ts';

export const simulatedKey = 'app.full:full-secret-full-secret-full-secret';

/** A node as it is, on the clock of the process, which a simulation has in its hand; `plant` may spoil its engine. */
export function simulatedNode(plant: (engine: Engine) => Engine = (engine) => engine): Node {
  const clock = systemClock;
  const engine = plant(createLocalEngine({ store: createMemoryStore(), clock }));
  const apps = createApps([appFromKeys([{ key: simulatedKey, capability: Capability.all }])]);
  const report = (failure: unknown) => {
    throw failure;
  };
  const revocations = new RevocationFeed({ apps, engine, clock, report });
  return new Node({
    apps,
    authenticator: createAuthenticator({ apps, clock, revocations }),
    revocations,
    engine,
    clock,
    limits: defaultLimits,
    log: createLog('silent'),
    meter: silentMeter,
    serverId: 'simulated',
    testHooks: true,
  });
}
