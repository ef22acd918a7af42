import { at, FILLER } from '../subject.ts';
import type { Scenario } from './scenario.ts';

const SENDERS = 64;
const ROOMS = 50;

/** Text messages into one room of ten members who take turns. */
export const sendOneRoom: Scenario = {
  name: 'send-one-room',
  async run(subject) {
    const { client } = subject;
    const users = await subject.users(10);
    const roomId = await subject.room(users);
    await subject.fill(50, (index) => client.send(at(users, index), roomId, FILLER));
    const measurement = await subject.measurePhases(SENDERS, (index) =>
      client.send(at(users, index), roomId, FILLER),
    );
    subject.report({
      scenario: 'send-one-room',
      operation: `send into one room, ${SENDERS} senders`,
      measurement,
    });
  },
};

/** Text messages into fifty rooms of two members each. */
export const sendManyRooms: Scenario = {
  name: 'send-many-rooms',
  async run(subject) {
    const { client } = subject;
    const users = await subject.users(10);
    const rooms = await Promise.all(
      Array.from({ length: ROOMS }, (_, i) => subject.room([at(users, i), at(users, i + 1)])),
    );
    const measurement = await subject.measurePhases(SENDERS, (index) =>
      client.send(at(users, index % ROOMS), at(rooms, index), FILLER),
    );
    const operation = `send into ${ROOMS} rooms, ${SENDERS} senders`;
    subject.report({ scenario: 'send-many-rooms', operation, measurement });
  },
};
