import assert from 'node:assert/strict';
import { onServers } from '../server/test-server.ts';
import { FuzzRequests } from './fuzz-request.ts';
import { makeWorld } from './fuzz-world.ts';
import { Judge } from './judge.ts';
import { Random } from './random.ts';
import { RawClient } from './raw-client.ts';
import { watchWrites } from './written.ts';

/**
 * Bad input to every endpoint: nothing may make the server fail, hang or grow, and what it refuses it must not have
 * half done. `npm run test:fuzz` does more of it: MYELIN_FUZZ_ROUNDS requests to each endpoint, from MYELIN_FUZZ_SEED on.
 */

const ROUNDS = Number(process.env.MYELIN_FUZZ_ROUNDS ?? '10');
const SEED = Number(process.env.MYELIN_FUZZ_SEED ?? '1');
const MOST_MEMORY = 1_500_000_000;
/** After so many rounds the people are made anew: some of them will have been logged out or closed. */
const ROUNDS_OF_A_WORLD = 4;

onServers(
  'nothing that is sent makes the server fail, hang, or keep what it refused [B003 partial]',
  async (s) => {
    const client = new RawClient(s.server.url);
    const writes = await watchWrites(s.place);
    const judge = new Judge(client, writes);
    try {
      let world = await makeWorld(s, 0);
      for (let round = 0; round < ROUNDS && judge.faults.length < 20; round++) {
        const random = new Random(SEED * 1_000 + round);
        if (round > 0 && round % ROUNDS_OF_A_WORLD === 0) world = await makeWorld(s, round);
        const requests = new FuzzRequests(random, world.pool);
        for (const declaration of s.server.declarations) {
          const isIdentity = declaration.auth === 'identity' && !random.once(10);
          const held = isIdentity ? world.identityToken : random.pick(world.tokens);
          const token = random.once(10) ? undefined : held;
          await judge.try(requests.make(declaration, token), round);
        }
      }
      assert.deepEqual(judge.faults, []);
      assert.ok(process.memoryUsage.rss() < MOST_MEMORY, 'the process has grown too much');
      await s.anonymous().ok('GET', '/_matrix/client/versions');
    } finally {
      client.close();
      await writes.close();
    }
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true', MYELIN_ROLES: 'client,federation,identity' } },
);
