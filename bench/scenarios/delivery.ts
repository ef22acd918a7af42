import { closedLoop } from '../closed-loop.ts';
import type { BenchUser } from '../load-client.ts';
import { measurementOf, type Measurement } from '../measurement.ts';
import { at, FILLER, type Subject } from '../subject.ts';
import { Watchers } from '../watchers.ts';
import type { Scenario } from './scenario.ts';

const SYNCERS = 200;
const SENDERS = 4;

/** Longest wait for the next delivery before what is missing counts as not seen, in ms. */
const QUIET_MS = 20_000;

/**
 * 200 users wait in /sync in one room, four of them send as fast as they are answered. An operation is one message
 * seen by one user; its time is from just before the request that sends it to the end of the answer that carries it.
 */
export const delivery: Scenario = {
  name: 'delivery',
  async run(subject) {
    const users = await subject.users(SYNCERS);
    const roomId = await subject.room(users);
    let missing = 0;
    let gaps = 0;
    const measurement = await subject.repeat(async () => {
      const watchers = await Watchers.begin(subject.client, users);
      const run = await saturate(subject, watchers, users, roomId);
      missing += watchers.sent * users.length - run.operations;
      gaps += watchers.gaps;
      await watchers.end(at(users, 0), roomId);
      return run;
    });
    const operation = `delivery to a waiting sync, ${SYNCERS} waiting`;
    const note =
      missing === 0
        ? {}
        : { note: `${missing} deliveries were not seen; ${gaps} answers had a gap (limited timeline)` };
    subject.report({ scenario: 'delivery', operation, measurement, ...note });
  },
};

async function saturate(
  subject: Subject,
  watchers: Watchers,
  users: readonly BenchUser[],
  roomId: string,
): Promise<Measurement> {
  const cpuUsed = subject.countCpu();
  const began = performance.now();
  const sending = await closedLoop({ workers: SENDERS, forMs: subject.effort.phaseMs }, (_, worker) =>
    watchers.send(at(users, worker), roomId, FILLER),
  );
  await watchers.settle(watchers.sent * users.length, QUIET_MS);
  const cpu = cpuUsed();
  const outcome = {
    durationsMs: watchers.latenciesMs,
    wallMs: watchers.lastSeen - began,
    failures: sending.failures + watchers.failures.length,
    firstFailure: sending.firstFailure ?? watchers.failures[0],
  };
  return measurementOf(outcome, cpu);
}
