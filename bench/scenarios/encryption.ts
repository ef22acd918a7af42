import { at, FILLER, type Subject } from '../subject.ts';
import type { BenchUser } from '../load-client.ts';
import type { Scenario } from './scenario.ts';

/** Devices whose keys are claimed by one request. */
const CLAIMED_AT_ONCE = 20;
const KEYS_OF_A_DEVICE = 50;
const CLAIMING_DEVICES = 200;
const CLAIMERS = 8;
const READERS = 32;
const UPDATES = 20;
const SENT = 10;

/** Messages to 1,000 devices, and each of them reading them with its next sync. */
export const toDevice: Scenario = {
  name: 'to-device',
  async run(subject) {
    const { client, effort } = subject;
    const [sender, ...receivers] = await subject.users(effort.bigRoom + 1);
    if (!sender) throw new Error('No account could be made within the time');
    const since = await positions(subject, receivers);
    const scenario = 'to-device';
    const sending = await subject.measure({ workers: 1, count: SENT, forMs: effort.fillMs }, () =>
      client.sendToDevice(sender, receivers, FILLER),
    );
    const request = `a request with a message to each of ${receivers.length} devices`;
    subject.report({ scenario, operation: request, measurement: sending });
    const limits = { workers: READERS, count: receivers.length, forMs: effort.fillMs };
    const reading = await subject.measure(limits, async (index) => {
      const answer = await client.sync(at(receivers, index), { since: at(since, index), timeoutMs: 0 });
      if (answer.text.split(FILLER).length - 1 !== SENT) throw new Error('A message to a device is missing');
    });
    subject.report({ scenario, operation: `a device reading ${SENT} of them`, measurement: reading });
  },
};

/** Claims of one-time keys, of 20 devices a request. */
export const claimKeys: Scenario = {
  name: 'claim-keys',
  async run(subject) {
    const { client, effort } = subject;
    const devices = await subject.users(CLAIMING_DEVICES);
    await subject.fill(devices.length, (index) => client.uploadKeys(at(devices, index), KEYS_OF_A_DEVICE));
    const requests = Math.floor((devices.length * KEYS_OF_A_DEVICE) / CLAIMED_AT_ONCE);
    const limits = { workers: CLAIMERS, count: requests, forMs: effort.fillMs };
    const measurement = await subject.measure(limits, async (index) => {
      const first = (index * CLAIMED_AT_ONCE) % devices.length;
      const of = devices.slice(first, first + CLAIMED_AT_ONCE);
      const claimed = await client.claimKeys(at(devices, index), of);
      if (claimed !== of.length) throw new Error(`Of ${of.length} one-time keys ${claimed} came`);
    });
    const operation = `a request that claims ${CLAIMED_AT_ONCE} one-time keys`;
    subject.report({ scenario: 'claim-keys', operation, measurement });
  },
};

/** A device with new keys in a room of 1,000 members, and one of them learning of it. */
export const deviceListUpdate: Scenario = {
  name: 'device-list-update',
  async run(subject) {
    const { client, effort } = subject;
    const users = await subject.users(effort.bigRoom);
    await subject.room(users);
    const [updater, ...others] = users;
    if (!updater) throw new Error('No account could be made within the time');
    const update = await subject.measure({ workers: 1, count: UPDATES, forMs: effort.fillMs }, () =>
      client.uploadKeys(updater, 0),
    );
    const scenario = 'device-list-update';
    const room = `in a room of ${users.length} members`;
    subject.report({ scenario, operation: `new keys of a device ${room}`, measurement: update });
    const since = await positions(subject, others);
    await client.uploadKeys(updater, 0);
    const limits = { workers: READERS, count: others.length, forMs: effort.fillMs };
    const learning = await subject.measure(limits, async (index) => {
      const answer = await client.sync(at(others, index), { since: at(since, index), timeoutMs: 0 });
      if (!answer.text.includes(`"changed":["${updater.id}"]`))
        throw new Error('A changed device is missing');
    });
    subject.report({ scenario, operation: `a member learning of them ${room}`, measurement: learning });
  },
};

/** Where each of the users is in the log. */
async function positions(subject: Subject, users: readonly BenchUser[]): Promise<string[]> {
  const found: string[] = [];
  await subject.fill(users.length, async (index) => {
    found[index] = (await subject.client.sync(at(users, index), { timeoutMs: 0 })).nextBatch;
  });
  return found;
}
