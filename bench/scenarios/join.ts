import { at } from '../subject.ts';
import type { Scenario } from './scenario.ts';

/** Joins that are measured at a time. */
const JOINS = 200;
const WORKERS = 8;

/**
 * Joins of a public room, one by one and then, of another one, several at once; and those around the 1,000th of the first
 * room. Nobody that is counted joins a second room: the accounts are as new to the server as the joins to the room.
 */
export const join: Scenario = {
  name: 'join',
  async run(subject) {
    const { client, effort } = subject;
    const users = await subject.users(effort.bigRoom + JOINS / 2);
    const [roomId, otherId] = [await subject.room(users.slice(0, 1)), await subject.room(users.slice(0, 1))];
    const joinFrom = (first: number, room = roomId) => {
      return (index: number) => client.join(at(users, first + index), room);
    };
    const forMs = effort.fillMs;
    const limits = { workers: WORKERS, forMs };
    const small = Math.min(JOINS, (users.length - 1) >> 1);
    const alone = await subject.measure({ workers: 1, forMs, count: small }, joinFrom(1));
    subject.report({ scenario: 'join', operation: 'join a public room, 1 at once', measurement: alone });
    const first = await subject.measure({ ...limits, count: small }, joinFrom(1 + small, otherId));
    const operation = `join a public room, ${WORKERS} at once`;
    subject.report({ scenario: 'join', operation, measurement: first });

    const between = Math.max(0, users.length - JOINS - small - 1);
    const members = 1 + small + (await subject.fill(between, joinFrom(1 + small)));
    const last = await subject.measure(
      { ...limits, count: Math.min(JOINS, users.length - members) },
      joinFrom(members),
    );
    const reached = members + last.operations;
    subject.report({
      scenario: 'join',
      operation: 'join as the 1,000th member',
      measurement: last,
      ...(members <= 1_000 && reached >= 1_000 ? {} : { note: `joins ${members} to ${reached}` }),
    });
  },
};
