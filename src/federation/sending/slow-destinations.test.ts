import assert from 'node:assert/strict';
import type { ServerName } from '../../protocol/identifiers.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';
import { ProcessLeases } from '../../storage/process-leases.ts';
import { systemTimers } from '../../platform/timers.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { DestinationQueue } from './destination-queue.ts';
import { SendingSlots, SLOW_MS } from './sending-slots.ts';

/** Has a server's next transaction wait. Resolves when it has come, with what lets it be answered. */
function holdNext(remote: RemoteServer): Promise<() => void> {
  const came = Promise.withResolvers<() => void>();
  const gate = Promise.withResolvers<void>();
  remote.holds = ({ url }) => {
    if (!url.includes('/federation/v1/send/')) return undefined;
    came.resolve(gate.resolve);
    return gate.promise;
  };
  return came.promise;
}

onFederation(
  'servers that take long for each transaction do not hold up what is for others',
  async ({ a, startRemote }) => {
    const [slow, swift] = [await startRemote(), await startRemote()];
    const database = await openPlaceDatabase(a.place);
    let shiftMs = 0;
    const clock = { now: () => Date.now() + shiftMs };
    const { federationClient: client, backOff } = a.server.services;
    const leases = new ProcessLeases<ServerName>(outgoingStore, {
      ...{ database, clock, timers: systemTimers, processId: 'test' },
    });
    const needs = {
      ...{ database, client, backOff, leases, clock, timers: systemTimers },
      slots: new SendingSlots(1, clock),
      pdusOf: () => Promise.resolve([]),
      transactionId: () => crypto.randomUUID(),
      onProblem: (error: unknown) => assert.fail(String(error)),
    };
    const [toSlow, toSwift] = [slow, swift].map(({ name }) => new DestinationQueue(name, needs));
    assert.ok(toSlow && toSwift);
    const edu = (key: string) => ({ type: 'test.volatile', key, content: { key } });
    try {
      const first = holdNext(slow);
      toSlow.addEdu(edu('one'));
      const answer = await first;
      shiftMs += SLOW_MS;
      const second = holdNext(slow);
      answer();
      toSlow.addEdu(edu('two'));
      const answerAgain = await second;
      toSwift.addEdu(edu('meanwhile'));
      await swift.until(() => swift.edus.find(({ content }) => content.key === 'meanwhile'));
      answerAgain();
      await slow.until(() => slow.edus.find(({ content }) => content.key === 'two'));
      assert.deepEqual(
        slow.edus.map(({ content }) => content.key),
        ['one', 'two'],
      );
    } finally {
      slow.holds = () => undefined;
      await Promise.all([toSlow.stop(), toSwift.stop()]);
      await leases.close();
      await database.close();
    }
  },
  { servers: 1 },
);
