import assert from 'node:assert/strict';
import {
  EventType,
  type MatrixClient,
  type MatrixEvent,
  MsgType,
  Preset,
  RelationType,
  type Room,
} from 'matrix-js-sdk';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { ServerProcess } from '../server-process.ts';
import { open, register, until, type Login } from './person.ts';

interface Conversation {
  readonly roomId: string;
  readonly first: string;
  readonly answer: string;
  readonly unread: readonly string[];
}

interface Pair {
  readonly alice: MatrixClient;
  readonly bob: MatrixClient;
}

onBothEngines(
  'two people with matrix-js-sdk converse, and find it all after the server restarted ' +
    '[B001 partial] [B006 partial] [B025 partial] [B026 partial] [B034 partial] [B046 partial] [B048 partial] [B063 partial] [B082 partial]',
  async (place) => {
    let server = await ServerProcess.start(place.env);
    const logins = {
      alice: await register(server.url, 'alice'),
      bob: await register(server.url, 'bob'),
    };
    let people = await openBoth(server.url, logins);
    let conversation: Conversation;
    try {
      conversation = await converse(people);
    } finally {
      closeBoth(people);
      await server.stop();
    }
    server = await ServerProcess.start(place.env);
    people = await openBoth(server.url, logins);
    try {
      await recall(people, conversation);
    } finally {
      closeBoth(people);
      await server.stop();
    }
  },
);

async function openBoth(url: string, logins: Record<'alice' | 'bob', Login>): Promise<Pair> {
  const [alice, bob] = await Promise.all([open(url, logins.alice), open(url, logins.bob)]);
  return { alice, bob };
}

function closeBoth({ alice, bob }: Pair): void {
  alice.stopClient();
  bob.stopClient();
}

async function converse(people: Pair): Promise<Conversation> {
  const { alice, bob } = people;
  const roomId = await meet(people);
  const first = await tell(alice, roomId, 'Helo Bob');
  await until(bob, 'the greeting', () => find(bob, roomId, first));
  const answer = await tell(bob, roomId, 'Hello Alice');
  await until(alice, 'the answer', () => find(alice, roomId, answer));
  await edit(people, roomId, first);
  await react(people, roomId, answer);
  await readAndType(people, roomId, answer);
  await rename(people, roomId);
  const unread = [await tell(alice, roomId, 'Are you there?'), await tell(alice, roomId, 'Hm')];
  await until(bob, 'two unread messages', () => roomOf(bob, roomId).getUnreadNotificationCount() === 2);
  return { roomId, first, answer, unread };
}

/** Alice makes a room and invites Bob, who joins. */
async function meet({ alice, bob }: Pair): Promise<string> {
  const { room_id: roomId } = await alice.createRoom({
    name: 'The garden',
    preset: Preset.PrivateChat,
    invite: [bob.getSafeUserId()],
  });
  await until(bob, 'the invitation', () => bob.getRoom(roomId)?.getMyMembership() === 'invite');
  await bob.joinRoom(roomId);
  await until(bob, 'itself joined', () => bob.getRoom(roomId)?.getMyMembership() === 'join');
  await until(alice, "Bob's joining", () => membership(alice, roomId, bob.getSafeUserId()) === 'join');
  return roomId;
}

async function edit({ alice, bob }: Pair, roomId: string, target: string): Promise<void> {
  await tell(alice, roomId, '* Hello Bob', {
    'm.new_content': { msgtype: MsgType.Text, body: 'Hello Bob' },
    'm.relates_to': { rel_type: RelationType.Replace, event_id: target },
  });
  await until(bob, 'the edit', () => find(bob, roomId, target)?.getContent().body === 'Hello Bob');
}

async function react({ alice, bob }: Pair, roomId: string, target: string): Promise<void> {
  await bob.sendEvent(roomId, EventType.Reaction, {
    'm.relates_to': { rel_type: RelationType.Annotation, event_id: target, key: '👍' },
  });
  await until(alice, 'the reaction', () => reactions(alice, roomId, target).length === 1);
}

async function readAndType({ alice, bob }: Pair, roomId: string, target: string): Promise<void> {
  const event = find(bob, roomId, target);
  assert.ok(event);
  await bob.sendReadReceipt(event);
  await until(alice, "Bob's receipt", () => receiptOf(alice, bob, roomId) === target);
  await bob.sendTyping(roomId, true, 20_000);
  const typing = () => roomOf(alice, roomId).getMember(bob.getSafeUserId())?.typing;
  await until(alice, 'Bob typing', () => typing() === true);
  await bob.sendTyping(roomId, false, 0);
  await until(alice, 'Bob not typing any more', () => typing() === false);
}

async function rename({ alice, bob }: Pair, roomId: string): Promise<void> {
  await alice.setDisplayName('Alice of the garden');
  await bob.setDisplayName('Bob');
  const name = () => roomOf(bob, roomId).getMember(alice.getSafeUserId())?.name;
  await until(bob, "Alice's new name", () => name() === 'Alice of the garden');
}

/** Clients that remember nothing see everything that was said. */
async function recall({ alice, bob }: Pair, said: Conversation): Promise<void> {
  const { roomId } = said;
  for (const client of [alice, bob]) {
    const room = await until(client, 'the room', () => client.getRoom(roomId));
    assert.equal(room.name, 'The garden');
    assert.equal(room.getMyMembership(), 'join');
    await room.loadMembersIfNeeded();
    assert.deepEqual(
      room
        .getJoinedMembers()
        .map((member) => member.name)
        .sort(),
      ['Alice of the garden', 'Bob'],
    );
    const ids = room
      .getLiveTimeline()
      .getEvents()
      .map((event) => event.getId());
    assert.equal(new Set(ids).size, ids.length, 'no event is there twice');
    assert.deepEqual(texts(room), ['Hello Bob', 'Hello Alice', 'Are you there?', 'Hm']);
    assert.ok(find(client, roomId, said.first)?.replacingEventId(), 'the first message is edited');
    assert.deepEqual(
      reactions(client, roomId, said.answer).map((event) => event.getRelation()?.key),
      ['👍'],
    );
  }
  assert.equal(receiptOf(alice, bob, roomId), said.answer);
  assert.equal(roomOf(bob, roomId).getUnreadNotificationCount(), said.unread.length);
  const last = await tell(bob, roomId, 'I am back');
  await until(alice, 'a message after the restart', () => find(alice, roomId, last));
}

async function tell(client: MatrixClient, roomId: string, body: string, more: object = {}): Promise<string> {
  const content = { msgtype: MsgType.Text as const, body, ...more };
  return (await client.sendEvent(roomId, EventType.RoomMessage, content)).event_id;
}

function roomOf(client: MatrixClient, roomId: string): Room {
  const room = client.getRoom(roomId);
  assert.ok(room, 'the client knows the room');
  return room;
}

function find(client: MatrixClient, roomId: string, eventId: string): MatrixEvent | undefined {
  return client.getRoom(roomId)?.findEventById(eventId);
}

function membership(client: MatrixClient, roomId: string, userId: string): string | undefined {
  return client.getRoom(roomId)?.getMember(userId)?.membership;
}

function receiptOf(client: MatrixClient, reader: MatrixClient, roomId: string): string | null {
  return roomOf(client, roomId).getEventReadUpTo(reader.getSafeUserId(), true);
}

function reactions(client: MatrixClient, roomId: string, target: string): MatrixEvent[] {
  const container = roomOf(client, roomId).relations;
  const found = container.getChildEventsForEvent(target, RelationType.Annotation, EventType.Reaction);
  return found?.getRelations() ?? [];
}

/** Message texts as a person reads them: edits shown in place of what they edit. */
function texts(room: Room): string[] {
  return room
    .getLiveTimeline()
    .getEvents()
    .filter((event) => event.getType() === 'm.room.message' && !event.isRelation(RelationType.Replace))
    .map((event) => String(event.getContent().body));
}
