import { at } from '../subject.ts';
import type { Scenario } from './scenario.ts';

const SYNCERS = 32;
const ROOMS = 5;

/** Syncs from the newest position, without waiting, by users in a few rooms where nothing happens. */
export const incrementalSync: Scenario = {
  name: 'incremental-sync',
  async run(subject) {
    const { client } = subject;
    const users = await subject.users(SYNCERS);
    for (let i = 0; i < ROOMS; i++) await subject.room(users);
    const positions = await Promise.all(
      users.map(async (user) => (await client.sync(user, { timeoutMs: 0 })).nextBatch),
    );
    const measurement = await subject.measurePhases(users.length, async (_, worker) => {
      const answer = await client.sync(at(users, worker), { since: at(positions, worker), timeoutMs: 0 });
      positions[worker] = answer.nextBatch;
    });
    subject.report({
      scenario: 'incremental-sync',
      operation: `empty incremental sync, ${SYNCERS} at once`,
      measurement,
    });
  },
};
