import { setTimeout as delay } from 'node:timers/promises';
import { at, FILLER } from '../subject.ts';
import { serverOf, type FederationScenario, type PairSubject } from './federation-scenario.ts';

/** Joins of a repetition. */
const SMALL_JOINS = 100;
const COMPLETE_MS = 120_000;

/** Joins of rooms with one member of the other server. */
export const smallJoin: FederationScenario = {
  name: 'small-join',
  async run({ both, other }) {
    const [creator, joiner] = [at(await both.users(1), 0), at(await other.users(1), 0)];
    const via = serverOf(creator.id);
    // The first one has to look for the other server and its keys.
    await other.client.join(joiner, await both.room([creator]), via);
    const measurement = await both.repeat(async () => {
      const rooms: string[] = [];
      for (let i = 0; i < SMALL_JOINS; i++) rooms.push(await both.room([creator]));
      const limits = { workers: 1, forMs: both.effort.fillMs, count: SMALL_JOINS };
      return both.measure(limits, (index) => other.client.join(joiner, at(rooms, index), via));
    });
    both.report({ scenario: 'small-join', operation: 'join a small room of another server', measurement });
  },
};

/** Joins of large rooms, until the user has sent a message there; and until the members are known. */
export const largeJoin: FederationScenario = {
  name: 'large-join',
  async run(pair) {
    for (const members of pair.both.effort.joinedRooms) await joinLarge(pair, members);
  },
};

async function joinLarge({ both, other }: PairSubject, wanted: number): Promise<void> {
  const users = await both.users(wanted);
  const creator = at(users, 0);
  const joiner = at(await other.users(1), 0);
  const roomId = await both.room([creator]);
  const joined = await both.fill(users.length - 1, (i) => both.client.join(at(users, i + 1), roomId));
  const members = joined + 1;
  const operation = `join a room of ${wanted} members of another server`;
  const note = members === wanted ? {} : { note: `it has ${members} members` };
  const once = { workers: 1, forMs: both.effort.fillMs, count: 1 };
  const began = performance.now();
  const cpuUsed = both.countCpu();
  const measurement = await both.measure(once, async () => {
    await other.client.join(joiner, roomId, serverOf(creator.id));
    await other.client.send(joiner, roomId, FILLER);
  });
  both.report({ scenario: 'large-join', operation: `${operation}, until usable`, measurement, ...note });
  await untilComplete(() => other.client.joinedMembers(joiner, roomId), members + 1);
  const wallMs = performance.now() - began;
  const { serverMs } = cpuUsed();
  const all = { ...measurement, cpuMs: serverMs, perSecond: 1_000 / wallMs, p50Ms: wallMs, p99Ms: wallMs };
  const scenario = 'large-join';
  both.report({ scenario, operation: `${operation}, until all are known`, measurement: all, ...note });
}

async function untilComplete(count: () => Promise<number>, wanted: number): Promise<void> {
  const until = performance.now() + COMPLETE_MS;
  while (performance.now() < until && (await count()) < wanted) await delay(50);
}
