import { setTimeout as delay } from 'node:timers/promises';
import { closedLoop } from '../closed-loop.ts';
import { measurementOf, median, type Measurement } from '../measurement.ts';
import { at, FILLER } from '../subject.ts';
import { serverOf, type FederationScenario, type PairSubject } from './federation-scenario.ts';

/** Joins of a repetition. */
const SMALL_JOINS = 100;
const COMPLETE_MS = 120_000;
const SETTLE_MS = 2_000;
/** Of rooms with more members than this only one is made. */
const MANY_MEMBERS = 1_000;

/** Joins of rooms with one member of the other server. */
export const smallJoin: FederationScenario = {
  name: 'small-join',
  async run({ both, other }) {
    const [creator, joiner] = [at(await both.users(1), 0), at(await other.users(1), 0)];
    const via = serverOf(creator.id);
    const joinSome = async () => {
      const rooms: string[] = [];
      for (let i = 0; i < SMALL_JOINS; i++) rooms.push(await both.room([creator]));
      const limits = { workers: 1, forMs: both.effort.fillMs, count: SMALL_JOINS };
      return both.measure(limits, (index) => other.client.join(joiner, at(rooms, index), via));
    };
    // The first ones have to look for the other server and its keys, and load and compile what does the rest.
    await joinSome();
    const measurement = await both.repeat(joinSome);
    both.report({ scenario: 'small-join', operation: 'join a small room of another server', measurement });
  },
};

/** Joins of a room of the other server that another user of this one is in already. */
export const furtherJoin: FederationScenario = {
  name: 'further-join',
  async run({ both, other }) {
    const creator = at(await both.users(1), 0);
    const joiners = await other.newcomers(SMALL_JOINS);
    const via = serverOf(creator.id);
    const joinAll = async () => {
      const roomId = await both.room([creator]);
      await other.client.join(at(await other.users(1), 0), roomId, via);
      const limits = { workers: 1, forMs: both.effort.fillMs, count: SMALL_JOINS };
      const cpuUsed = both.countCpu();
      const outcome = await closedLoop(limits, (index) => other.client.join(at(joiners, index), roomId, via));
      // The other server is told of them afterwards: that is part of what they cost.
      await untilComplete(() => both.client.joinedMembers(creator, roomId), 2 + outcome.durationsMs.length);
      return measurementOf(outcome, cpuUsed());
    };
    // As with rooms that are new; and with these joins the servers come to know of each other's users.
    await joinAll();
    const operation = 'a further join of a room of another server';
    both.report({ scenario: 'further-join', operation, measurement: await both.repeat(joinAll) });
  },
};

/** Joins of large rooms, until the user has sent a message there; and until the members are known. */
export const largeJoin: FederationScenario = {
  name: 'large-join',
  async run(pair) {
    const { both } = pair;
    // Nor is the first one of a large room counted.
    await joinLarge(pair, Math.min(...both.effort.joinedRooms));
    for (const wanted of both.effort.joinedRooms) {
      const operation = `join a room of ${wanted} members of another server`;
      const usable: Measurement[] = [];
      const whole: Measurement[] = [];
      const rooms = wanted > MANY_MEMBERS ? 1 : both.effort.repetitions;
      let members = wanted;
      for (let i = 0; i < rooms; i++) {
        const joined = await joinLarge(pair, wanted);
        usable.push(joined.usable);
        whole.push(joined.whole);
        members = Math.min(members, joined.members);
      }
      const note = members === wanted ? {} : { note: `it has ${members} members` };
      const row = { scenario: 'large-join', ...note };
      both.report({ ...row, operation: `${operation}, until usable`, measurement: median(usable) });
      both.report({ ...row, operation: `${operation}, until all are known`, measurement: median(whole) });
    }
  },
};

async function joinLarge(
  { both, other }: PairSubject,
  wanted: number,
): Promise<{ usable: Measurement; whole: Measurement; members: number }> {
  const users = await both.users(wanted);
  const creator = at(users, 0);
  const joiner = at(await other.users(1), 0);
  const roomId = await both.room([creator]);
  const joined = await both.fill(users.length - 1, (i) => both.client.join(at(users, i + 1), roomId));
  const members = joined + 1;
  // What the joins left to do in the background is not what is measured.
  await delay(SETTLE_MS);
  const began = performance.now();
  const cpuUsed = both.countCpu();
  const usable = await both.measure({ workers: 1, forMs: both.effort.fillMs, count: 1 }, async () => {
    await other.client.join(joiner, roomId, serverOf(creator.id));
    await other.client.send(joiner, roomId, FILLER);
  });
  await untilComplete(() => other.client.joinedMembers(joiner, roomId), members + 1);
  const wallMs = performance.now() - began;
  const { serverMs } = cpuUsed();
  const whole = { ...usable, cpuMs: serverMs, perSecond: 1_000 / wallMs, p50Ms: wallMs, p99Ms: wallMs };
  return { usable, whole, members };
}

async function untilComplete(count: () => Promise<number>, wanted: number): Promise<void> {
  const until = performance.now() + COMPLETE_MS;
  while (performance.now() < until && (await count()) < wanted) await delay(50);
}
