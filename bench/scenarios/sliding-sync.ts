import { at, type Subject } from '../subject.ts';
import type { Scenario } from './scenario.ts';

const SYNCERS = 32;
const ROOMS = 5;
const CONNECTIONS = 10;
const STEP = 100;

/** What a client with a room list wants of each room's state. */
const STATE = [
  ['m.room.name', ''],
  ['m.room.encryption', ''],
  ['m.room.member', '$LAZY'],
  ['m.room.member', '$ME'],
  ['m.room.topic', ''],
  ['m.room.avatar', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.power_levels', ''],
  ['org.matrix.msc3401.call.member', '*'],
  ['m.room.join_rules', ''],
  ['m.room.tombstone', ''],
  ['m.room.create', ''],
  ['m.room.history_visibility', ''],
  ['m.space.parent', '*'],
  ['m.space.child', '*'],
];

function wishes(connection: string, rooms: number): object {
  return {
    conn_id: connection,
    lists: { all_rooms: { ranges: [[0, rooms - 1]], timeline_limit: 1, required_state: STATE } },
    extensions: {
      account_data: { enabled: true },
      receipts: { enabled: true, rooms: ['*'] },
      typing: { enabled: true },
    },
  };
}

/** Sliding sync as a client with a room list uses it. */
export const slidingSync: Scenario = {
  name: 'sliding-sync',
  async run(subject) {
    await idle(subject);
    await fromScratch(subject);
  },
};

async function idle(subject: Subject): Promise<void> {
  const { client } = subject;
  const users = await subject.users(SYNCERS);
  for (let i = 0; i < ROOMS; i++) await subject.room(users);
  const list = wishes('room-list', ROOMS);
  const positions: string[] = [];
  for (const user of users) positions.push((await client.slidingSync(user, list, undefined)).pos);
  const measurement = await subject.measurePhases(users.length, async (_, worker) => {
    const answer = await client.slidingSync(at(users, worker), list, at(positions, worker));
    positions[worker] = answer.pos;
  });
  const operation = `empty sliding sync, ${SYNCERS} at once`;
  subject.report({ scenario: 'sliding-sync', operation, measurement });
}

async function fromScratch(subject: Subject): Promise<void> {
  const { client, effort } = subject;
  const members = await subject.users(3);
  const rooms: string[] = [];
  await subject.fill(effort.syncRooms, async () => rooms.push(await subject.room(members)));
  await subject.fill(rooms.length, (index) => client.send(at(members, 0), at(rooms, index), 'hello'));
  const limits = { workers: 1, count: CONNECTIONS, forMs: effort.phaseMs * effort.repetitions };
  const measurement = await subject.measure(limits, async (index) => {
    let pos: string | undefined;
    for (let to = STEP; to < rooms.length + STEP; to += STEP) {
      pos = (await client.slidingSync(at(members, 2), wishes(`list ${index}`, to), pos)).pos;
    }
  });
  const operation = `sliding sync of ${rooms.length} rooms from scratch`;
  subject.report({ scenario: 'sliding-sync', operation, measurement });
}
