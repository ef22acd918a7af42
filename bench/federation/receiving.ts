import { serverName } from '../../src/protocol/identifiers.ts';
import { RemoteRoom, type RemoteEvent } from '../../src/testing/federation/remote-room.ts';
import { RemoteServer } from '../../src/testing/federation/remote-server.ts';
import { at, FILLER } from '../subject.ts';
import { serverOf, type FederationScenario } from './federation-scenario.ts';

const ROOMS = 50;
const PER_TRANSACTION = 50;
/** Events made beforehand for each second that is measured. */
const EVENTS_PER_SECOND = 6_000;

/** Signed messages of a server that does nothing but send them, fifty a transaction, one transaction at a time. */
export const receiving: FederationScenario = {
  name: 'receiving',
  async run({ both, authority }) {
    if (!authority) {
      const note = 'not measured: it takes a certificate that the server trusts';
      both.report({ scenario: 'receiving', operation: 'receive a PDU', note });
      return;
    }
    const creator = at(await both.users(1), 0);
    const remote = await RemoteServer.start(authority);
    try {
      for (const count of [1, ROOMS]) {
        const rooms: RemoteRoom[] = [];
        for (let i = 0; i < count; i++) {
          rooms.push(
            await RemoteRoom.join(remote, serverName(serverOf(creator.id)), await both.room([creator])),
          );
        }
        const events = (both.effort.phaseMs / 1_000) * EVENTS_PER_SECOND;
        const transactions = Math.ceil(events / PER_TRANSACTION);
        const made: RemoteEvent[][] = [];
        for (let i = 0; i < transactions; i++) {
          made.push(
            Array.from({ length: PER_TRANSACTION }, (_, j) => at(rooms, j).say(`${FILLER} ${i} ${j}`)),
          );
        }
        const limits = { workers: 1, forMs: both.effort.phaseMs, count: transactions };
        const sent = await both.measure(limits, async (index) => {
          const refused = (await at(rooms, 0).send(...at(made, index))).find((error) => error !== undefined);
          if (refused !== undefined) throw new Error(refused);
        });
        const measurement = {
          ...sent,
          operations: sent.operations * PER_TRANSACTION,
          cpuMs: sent.cpuMs === undefined ? undefined : sent.cpuMs / PER_TRANSACTION,
          perSecond: sent.perSecond * PER_TRANSACTION,
        };
        const where = count === 1 ? 'in one room' : `in ${count} rooms`;
        both.report({ scenario: 'receiving', operation: `receive a PDU ${where}`, measurement });
      }
    } finally {
      await remote.close();
    }
  },
};
