import { at, FILLER } from '../subject.ts';
import type { Scenario } from './scenario.ts';

const HISTORY = 5_000;

/** A room's history backwards from the newest event, 100 events a page, and again when it ends. */
export const messagesPage: Scenario = {
  name: 'messages-page',
  async run(subject) {
    const { client } = subject;
    const users = await subject.users(2);
    const roomId = await subject.room(users);
    const made = await subject.fill(HISTORY, (index) => client.send(at(users, index), roomId, FILLER));
    let from: string | undefined;
    const measurement = await subject.measurePhases(1, async () => {
      const page = await client.messages(at(users, 0), roomId, from);
      from = page.events < 100 ? undefined : page.end;
    });
    subject.report({
      scenario: 'messages-page',
      operation: '/messages page of 100',
      measurement,
      ...(made === HISTORY ? {} : { note: `in a room of ${made} messages` }),
    });
  },
};
