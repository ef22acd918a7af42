import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventId } from '../protocol/identifiers.ts';
import type { LoggedEvent } from '../rooms/reading/room-reads.ts';
import { wasJoined } from './past-membership.ts';

/** A user who went in and out of a room, an event at each position: joined at the odd ones. */
function comingAndGoing() {
  const asked: number[] = [];
  const event = (eventId: EventId) => {
    const position = Number(eventId.slice(1));
    asked.push(position);
    const content = { membership: position % 2 === 1 ? 'join' : 'leave' };
    const replaces = position === 1 ? undefined : `$${position - 1}`;
    return Promise.resolve({ position, content, replaces } as unknown as LoggedEvent);
  };
  return { asked, rooms: { event } };
}

void test('whether somebody was in a room is found in their past, as far back as it is to be looked at', async () => {
  const { asked, rooms } = comingAndGoing();
  const was = (after: number, upTo: number, budget?: { left: number }) =>
    wasJoined(rooms, '$10' as EventId, { after, upTo }, budget);
  assert.equal(await was(5, 5), true);
  assert.equal(await was(6, 6), false);
  assert.equal(await was(4, 6), true);
  const budget = { left: 8 };
  asked.length = 0;
  assert.equal(await was(5, 5, budget), true);
  assert.equal(await was(5, 5, budget), false, 'nobody can tell');
  assert.equal(await was(5, 5, budget), false);
  assert.deepEqual(asked, [10, 9, 8, 7, 6, 5, 10, 9]);
});
