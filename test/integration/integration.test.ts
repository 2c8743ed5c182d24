/** Everything that needs the deployed stacks, in one file, because starting them takes longest. */
import { afterAll, beforeAll } from 'vitest';
import { afterTheFact } from './after-the-fact.ts';
import { faults } from './faults.ts';
import { mainJob } from './main-job.ts';
import { native } from './native.ts';
import { sealed } from './sealed.ts';
import { rights } from './rights.ts';
import { wholeServer } from './whole-server.ts';
import { startWorld, type World } from './world.ts';

let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 600_000);
afterAll(async () => {
  await world?.stop();
}, 120_000);

wholeServer(() => world);
mainJob(() => world);
faults(() => world);
afterTheFact(() => world);
sealed(() => world);
native(() => world);
// Last: it judges what all the others did.
rights(() => world);
