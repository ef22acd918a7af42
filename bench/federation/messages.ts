import { setTimeout as delay } from 'node:timers/promises';
import { closedLoop } from '../closed-loop.ts';
import { measurementOf } from '../measurement.ts';
import { at, FILLER } from '../subject.ts';
import { Watchers } from '../watchers.ts';
import { serverOf, type FederationScenario, type PairSubject } from './federation-scenario.ts';

const SENDERS = 16;
const PER_SECOND = 5;
const QUIET_MS = 5_000;

/** Messages of one server's users, as fast as they can, until a user of the other has seen them in `/sync`. */
export const flood: FederationScenario = {
  name: 'flood',
  async run(pair) {
    const { both, other } = pair;
    const scene = await sharedRoom(pair);
    const measurement = await both.repeat(async () => {
      const watchers = await Watchers.begin(other.client, [scene.watcher], both.client);
      const cpuUsed = both.countCpu();
      const began = performance.now();
      const limits = { workers: SENDERS, forMs: both.effort.phaseMs };
      const sends = await closedLoop(limits, () => watchers.send(scene.sender, scene.roomId, FILLER));
      await watchers.settle(watchers.sent, QUIET_MS);
      const wallMs = watchers.lastSeen - began;
      const seen = { ...sends, durationsMs: watchers.latenciesMs, wallMs };
      const failures = sends.failures + watchers.failures.length;
      const used = cpuUsed();
      await watchers.end(scene.sender, scene.roomId);
      return measurementOf({ ...seen, failures }, used);
    });
    both.report({ scenario: 'flood', operation: `a federated message, ${SENDERS} senders`, measurement });
  },
};

/** One message at a time on idle servers, from sending on one to the other's `/sync`. */
export const latency: FederationScenario = {
  name: 'latency',
  async run(pair) {
    const { both, other } = pair;
    const scene = await sharedRoom(pair);
    const measurement = await both.repeat(async () => {
      const watchers = await Watchers.begin(other.client, [scene.watcher], both.client);
      const cpuUsed = both.countCpu();
      const began = performance.now();
      const count = (both.effort.phaseMs * PER_SECOND) / 1_000;
      for (let i = 0; i < count; i++) {
        await delay(1_000 / PER_SECOND);
        await watchers.send(scene.sender, scene.roomId, FILLER);
      }
      await watchers.settle(watchers.sent, QUIET_MS);
      const outcome = {
        durationsMs: watchers.latenciesMs,
        wallMs: performance.now() - began,
        failures: watchers.failures.length,
        firstFailure: watchers.failures[0],
      };
      const used = cpuUsed();
      await watchers.end(scene.sender, scene.roomId);
      return measurementOf(outcome, used);
    });
    const operation = `a federated message, idle, ${PER_SECOND} a second`;
    both.report({ scenario: 'latency', operation, measurement });
  },
};

async function sharedRoom({ both, other }: PairSubject) {
  const sender = at(await both.users(1), 0);
  const watcher = at(await other.users(1), 0);
  const roomId = await both.room([sender]);
  await other.client.join(watcher, roomId, serverOf(sender.id));
  return { sender, watcher, roomId };
}
