import { at } from '../subject.ts';
import type { Scenario } from './scenario.ts';

/** Private rooms with a name, one by one and eight at a time. */
export const createRoom: Scenario = {
  name: 'create-room',
  async run(subject) {
    const users = await subject.newcomers(10);
    for (const workers of [1, 8]) {
      const measurement = await subject.measurePhases(workers, (index) =>
        subject.client.createRoom(at(users, index), 'private_chat'),
      );
      subject.report({ scenario: 'create-room', operation: `createRoom, ${workers} at once`, measurement });
    }
  },
};
