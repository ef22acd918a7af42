import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import * as destinationsStore from '../../storage/federation/destinations-store.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { Json } from '../client/test-client.ts';
import type { Ledger } from './scenario.ts';
import type { Person, World } from './world.ts';

/** Requests under way at once that servers of this number and rooms may come to. */
const MOST_UNDER_WAY = 400;
/** Timers that a server at rest has set. */
const MOST_TIMERS = 60;
/** Ends of a room of which the servers did not make one in time. */
const MOST_EXTREMITIES = 20;

/** Looks whether everything that must hold does, once all is mended. Gives what does not. */
export async function brokenInvariants(world: World, ledger: Ledger): Promise<string[]> {
  const broken: string[] = [];
  for (const room of world.rooms) {
    const seen = new Map<Person, Set<string>>();
    for (const person of world.steady) seen.set(person, await eventsSeen(world, person, room.roomId, broken));
    await checkState(world, room.roomId, broken);
    await checkEvents(ledger, room.roomId, seen, broken);
    checkForbidden(world, room.roomId, seen, broken);
  }
  await checkMessages(world, ledger, broken);
  await checkQueues(world, broken);
  await checkBounds(world, broken);
  return broken;
}

/** All servers hold the same state. */
async function checkState(world: World, roomId: string, broken: string[]): Promise<void> {
  const states = new Map<string, string[]>();
  for (const person of world.steady) {
    const events: Json[] = await world.ok(person, 'GET', `/v3/rooms/${encodeURIComponent(roomId)}/state`);
    const lines = events.map((event) => `${event.type}|${event.state_key}|${event.event_id}`).sort();
    const text = lines.join('\n');
    states.set(text, [...(states.get(text) ?? []), person.server.name]);
  }
  if (states.size === 1) return;
  const [first = '', ...others] = [...states.keys()];
  const known = new Set(first.split('\n'));
  for (const other of others) {
    const differs = other.split('\n').filter((line) => !known.has(line));
    broken.push(
      `The state of ${roomId} at ${states.get(other)?.join(', ')} is not that at ${states.get(first)?.join(', ')}: ${differs.join(', ')}`,
    );
  }
}

/** No event is lost that a client was told to be kept: all servers have it, and show it where nobody could object to it. */
async function checkEvents(
  ledger: Ledger,
  roomId: string,
  seen: ReadonlyMap<Person, ReadonlySet<string>>,
  broken: string[],
): Promise<void> {
  for (const { eventId, by, isSteady, roomId: of } of ledger.events) {
    if (of !== roomId) continue;
    for (const [person, events] of seen) {
      if (events.has(eventId)) continue;
      const [kept] = await person.server.services.log.byIds([eventId as EventId]);
      if (!isSteady && kept !== undefined && kept.refused !== 'rejected') continue;
      broken.push(
        `${eventId} of ${by.userId} in ${roomId} is not at ${person.server.name} (${kept?.refused ?? 'unknown'})`,
      );
    }
  }
}

/** Nothing is to be seen that nobody was allowed to do. */
function checkForbidden(
  world: World,
  roomId: string,
  seen: ReadonlyMap<Person, ReadonlySet<string>>,
  broken: string[],
): void {
  const { forbidden, forbiddenTexts } = world.hostile;
  for (const [person, events] of seen) {
    for (const one of events) {
      if (forbidden.has(one as EventId) || forbiddenTexts.has(one))
        broken.push(
          `${one}, which nobody was allowed to do, is to be seen in ${roomId} at ${person.server.name}`,
        );
    }
  }
}

/** Each message to a device came, once. */
async function checkMessages(world: World, ledger: Ledger, broken: string[]): Promise<void> {
  for (const person of world.steady) {
    const got: string[] = [];
    let since = '';
    for (let i = 0; i < 10; i++) {
      const query = since === '' ? '' : `&since=${since}`;
      const body = await world.ok(person, 'GET', `/v3/sync?timeout=0${query}`);
      since = body.next_batch;
      const events: Json[] = body.to_device?.events ?? [];
      if (events.length === 0 && i > 0) break;
      got.push(...events.map((event) => event.content.text as string));
    }
    for (const { text, to } of ledger.messages) {
      if (to === person && !got.includes(text)) broken.push(`The message "${text}" never came`);
    }
    if (new Set(got).size < got.length)
      broken.push(`Messages came to ${person.userId} more than once: ${got.join(', ')}`);
  }
}

/** Nothing waits to be sent any more. */
async function checkQueues(world: World, broken: string[]): Promise<void> {
  await world.time.pass(60_000);
  for (const { name } of world.servers) {
    for (const { database, name: at } of world.servers) {
      const after = (await destinationsStore.of(database, name))?.position ?? 0;
      const range = { after, upTo: database.position(), limit: 100 };
      const events = name === at ? [] : await outgoingStore.events(database, name, range);
      const edus = await outgoingStore.edus(database, name, 0, 100);
      const left = events.length + edus.length;
      if (left > 0) broken.push(`At ${at}, ${left} wait for ${name}`);
    }
  }
  if (world.network.underWay > 0) broken.push(`${world.network.underWay} requests never ended`);
}

/** What servers keep in memory, and what they do at once, is bounded; they made no mistakes. */
async function checkBounds(world: World, broken: string[]): Promise<void> {
  if (world.network.mostUnderWay > MOST_UNDER_WAY) {
    broken.push(`${world.network.mostUnderWay} requests were under way at once`);
  }
  for (const server of world.servers) {
    if (server.timers > MOST_TIMERS) broken.push(`${server.name} has ${server.timers} timers set`);
    broken.push(...server.mistakes.map((line) => `${server.name} made a mistake: ${line}`));
    for (const { roomId } of world.rooms) {
      const row = await roomsStore.byId(server.database, roomId as RoomId);
      const ends = (JSON.parse(row?.extremities ?? '[]') as string[]).length;
      if (ends > MOST_EXTREMITIES) broken.push(`${roomId} has ${ends} ends at ${server.name}`);
    }
  }
}

/** IDs and texts of everything in a room that a person's client can find. */
async function eventsSeen(
  world: World,
  person: Person,
  roomId: string,
  broken: string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  let from: string | undefined;
  for (let page = 0; page < 40; page++) {
    const query = from === undefined ? '' : `&from=${encodeURIComponent(from)}`;
    const path = `/v3/rooms/${encodeURIComponent(roomId)}/messages?dir=b&limit=100${query}`;
    const body = await world.ok(person, 'GET', path);
    for (const event of body.chunk as Json[]) {
      if (found.has(event.event_id))
        broken.push(`${event.event_id} is twice in ${roomId} at ${person.server.name}`);
      found.add(event.event_id);
      if (typeof event.content?.body === 'string') found.add(event.content.body);
    }
    if (body.end === undefined) break;
    from = body.end as string;
  }
  return found;
}
