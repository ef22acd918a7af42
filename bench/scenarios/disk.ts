import { megabytes } from '../report.ts';
import { at } from '../subject.ts';
import type { Scenario } from './scenario.ts';

const BODY = 'x'.repeat(100);

/** What messages of 100 bytes in one room take on disk, indexes included, write-ahead logs not. */
export const disk: Scenario = {
  name: 'disk',
  async run(subject) {
    const { client, effort, server } = subject;
    const users = await subject.users(2);
    const roomId = await subject.room(users);
    const before = await server.diskBytes();
    const made = await subject.fill(effort.diskMessages, (index) =>
      client.send(at(users, index), roomId, BODY),
    );
    const after = await server.diskBytes();
    if (before === undefined || after === undefined || made === 0) return;
    subject.report({
      scenario: 'disk',
      operation: 'disk for 10,000 messages of 100 bytes',
      amount: megabytes(((after - before) * 10_000) / made),
      ...(made === 10_000 ? {} : { note: `computed from ${made} messages` }),
    });
  },
};
