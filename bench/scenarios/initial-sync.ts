import type { BenchUser } from '../load-client.ts';
import { at, FILLER, type Subject } from '../subject.ts';
import type { Scenario } from './scenario.ts';

const MESSAGES = 20;
const DEVICES = 10;

/** The first sync of a user in 200 rooms of three members and 20 messages, each time on a device that never synced. */
export const initialSync: Scenario = {
  name: 'initial-sync',
  async run(subject) {
    const { client, effort } = subject;
    const [owner, other, reader] = await subject.newcomers(3);
    if (!owner || !other || !reader) throw new Error('Three accounts could not be made within the time');
    const rooms = await makeRooms(subject, [owner, other, reader]);
    const measurement = await subject.repeat(async () => {
      const devices: BenchUser[] = [];
      for (let i = 0; i < DEVICES; i++) devices.push(await client.login(reader));
      const limits = { workers: 1, count: DEVICES, forMs: effort.phaseMs };
      return subject.measure(limits, (index) => client.sync(at(devices, index), { timeoutMs: 0 }));
    });
    subject.report({
      scenario: 'initial-sync',
      operation: `initial sync, 200 rooms of ${MESSAGES} messages`,
      measurement,
      ...(rooms === 200 ? {} : { note: `${rooms} rooms` }),
    });
  },
};

async function makeRooms(subject: Subject, members: readonly BenchUser[]): Promise<number> {
  const { client, effort } = subject;
  const rooms: string[] = [];
  await subject.fill(effort.syncRooms, async () => rooms.push(await subject.room(members)));
  await subject.fill(rooms.length * MESSAGES, (index) =>
    client.send(at(members, 0), at(rooms, index), FILLER),
  );
  return rooms.length;
}
