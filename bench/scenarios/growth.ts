import { at, FILLER } from '../subject.ts';
import type { Scenario } from './scenario.ts';

const SENDERS = 8;

/** Messages sent to measure at one point of a history: few enough that the history hardly grows by them. */
const SAMPLE = 2_000;

const NUMBER = new Intl.NumberFormat('en');

/** What sending costs in one room as its history grows. */
export const growthHistory: Scenario = {
  name: 'growth-history',
  async run(subject) {
    const { client, effort } = subject;
    const users = await subject.users(10);
    const roomId = await subject.room(users);
    const send = (index: number) => client.send(at(users, index), roomId, FILLER);
    let events = 0;
    for (const point of effort.historyPoints) {
      events += await subject.fill(Math.max(0, point - events), send);
      const reached = events;
      const limits = { workers: SENDERS, forMs: effort.phaseMs, count: Math.min(point, SAMPLE) };
      const measurement = await subject.measure(limits, send);
      events += measurement.operations;
      subject.report({
        scenario: 'growth-history',
        operation: `send after ${NUMBER.format(point)} events, ${SENDERS} senders`,
        measurement,
        ...(reached === point ? {} : { note: `after ${reached} events` }),
      });
      if (reached < point) return;
    }
  },
};

/** What sending costs in one room as its membership grows. */
export const growthMembers: Scenario = {
  name: 'growth-members',
  async run(subject) {
    const { client, effort } = subject;
    const senders = await subject.users(10);
    const roomId = await subject.room(senders);
    let members = senders.length;
    for (const point of effort.memberPoints) {
      const first = members;
      const users = await subject.users(point);
      members += await subject.fill(users.length - first, (index) =>
        client.join(at(users, first + index), roomId),
      );
      const measurement = await subject.measurePhases(SENDERS, (index) =>
        client.send(at(senders, index), roomId, FILLER),
      );
      subject.report({
        scenario: 'growth-members',
        operation: `send with ${NUMBER.format(point)} members, ${SENDERS} senders`,
        measurement,
        ...(members === point ? {} : { note: `with ${members} members` }),
      });
      if (members < point) return;
    }
  },
};
