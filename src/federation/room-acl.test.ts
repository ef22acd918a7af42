import assert from 'node:assert/strict';
import type { RoomId, ServerName } from '../protocol/identifiers.ts';
import { onTwoProcesses } from '../testing/server/two-processes.ts';
import { onFederation } from '../testing/federation/federation.ts';
import { RemoteRoom } from '../testing/federation/remote-room.ts';
import { bodies, type Json } from '../testing/client/test-client.ts';

onFederation(
  'a server that a room shuts out gets nothing of it and adds nothing, from then on [B073] [B114] [B101]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const wishes = { preset: 'public_chat', room_version: '10' };
    const [roomId, open] = [await alice.createRoom(wishes), await alice.createRoom(wishes)];
    const room = await RemoteRoom.join(remote, a.name, roomId);
    const elsewhere = await RemoteRoom.join(remote, a.name, open);
    const before = room.say('before');
    assert.deepEqual(await room.send(before), [undefined]);

    await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny: ['LOCALHOST'] });
    const { next_batch: since } = await alice.sync();
    const [inRoom, event] = [encodeURIComponent(roomId), encodeURIComponent(before.eventId)];
    const user = encodeURIComponent(room.userId);
    const pdu = room.make({ type: 'm.room.message', content: { body: 'x' } }).pdu;
    const guarded: ['GET' | 'PUT' | 'POST', string, object?][] = [
      ['GET', `v1/make_join/${inRoom}/${user}?ver=10`],
      ['GET', `v1/make_leave/${inRoom}/${user}`],
      ['GET', `v1/make_knock/${inRoom}/${user}?ver=10`],
      ['PUT', `v1/send_join/${inRoom}/${event}`, pdu],
      ['PUT', `v2/send_join/${inRoom}/${event}`, pdu],
      ['PUT', `v1/send_leave/${inRoom}/${event}`, pdu],
      ['PUT', `v2/send_leave/${inRoom}/${event}`, pdu],
      ['PUT', `v1/send_knock/${inRoom}/${event}`, pdu],
      ['PUT', `v1/invite/${inRoom}/${event}`, pdu],
      ['PUT', `v2/invite/${inRoom}/${event}`, { event: pdu, room_version: '10', invite_room_state: [] }],
      ['GET', `v1/state/${inRoom}?event_id=${event}`],
      ['GET', `v1/state_ids/${inRoom}?event_id=${event}`],
      ['GET', `v1/backfill/${inRoom}?v=${event}&limit=1`],
      ['GET', `v1/event_auth/${inRoom}/${event}`],
      ['POST', `v1/get_missing_events/${inRoom}`, { earliest_events: [], latest_events: [before.eventId] }],
    ];
    for (const [method, path, body] of guarded) {
      const answer = await remote.ask(a.name, method, `/_matrix/federation/${path}`, body as never);
      assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'], path);
    }

    const shut = room.say('shut out');
    const free = elsewhere.say('elsewhere');
    const results = await room.sendRaw(shut.pdu, free.pdu);
    assert.match(results[shut.eventId].error, /access control/);
    assert.deepEqual(results[free.eventId], {});
    const read = (eventId: string) => ({
      'm.read': { [room.userId]: { data: { ts: 1_700_000_000_000 }, event_ids: [eventId] } },
    });
    const ofBoth = { [roomId]: read(before.eventId), [open]: read(free.eventId) };
    const typing = (id: string) => ({
      edu_type: 'm.typing',
      content: { room_id: id, user_id: room.userId, typing: true },
    });
    await remote.sendEdus(a.name, typing(roomId), { edu_type: 'm.receipt', content: ofBoth }, typing(open));
    const types = (body: Json, id: string): string[] =>
      (body.rooms?.join?.[id]?.ephemeral?.events ?? []).map((one: Json) => one.type).sort();
    await alice.syncUntil(since, (body) => types(body, open).includes('m.typing'));
    const news = await alice.sync({ since });
    assert.deepEqual(types(news, open), ['m.receipt', 'm.typing']);
    assert.deepEqual(types(news, roomId), []);
    const shown = await alice.ok('GET', alice.room(roomId, '/messages?dir=b'));
    assert.deepEqual(bodies(shown.chunk), ['before'], 'what came before the change stays');

    const path = `/_matrix/federation/v1/state_ids/${inRoom}?event_id=${event}`;
    const lists: [object, number][] = [
      [{ allow: ['local*'] }, 200],
      [{ allow: ['other.example'] }, 403],
      [{ allow: ['LOCALHOS?'] }, 200],
      [{ allow: ['*'], deny: ['LocalHost'] }, 403],
      [{ allow: ['*'], allow_ip_literals: false }, 200],
      [{}, 403],
    ];
    for (const [list, status] of lists) {
      await alice.setState(roomId, 'm.room.server_acl', list);
      assert.equal((await remote.ask(a.name, 'GET', path)).status, status, JSON.stringify(list));
    }
  },
  { servers: 1 },
);

onFederation(
  'a list of servers that is redacted lets nobody take part any more',
  async ({ a, startRemote }) => {
    const alice = await a.person('alice');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const room = await RemoteRoom.join(await startRemote(), a.name, roomId);
    const listId = await alice.setState(roomId, 'm.room.server_acl', { allow: ['*'] });
    assert.deepEqual(await room.send(room.say('before')), [undefined]);
    await alice.ok('PUT', alice.room(roomId, `/redact/${encodeURIComponent(listId)}/1`), {});
    const [refusal] = await room.send(room.say('after'));
    assert.match(refusal ?? '', /access control/);
  },
  { servers: 1 },
);

onTwoProcesses('a server that is let into a room at one process is let in at another at once', async (p) => {
  const alice = await p.person('alice');
  const roomId = (await alice.createRoom()) as RoomId;
  const remote = 'elsewhere.org' as ServerName;
  const { roomAcl, laterNews } = p.otherServices;
  const set = (deny: string[]) => alice.setState(roomId, 'm.room.server_acl', { allow: ['*'], deny });
  await set([remote]);
  await laterNews.about([roomId], 0);
  assert.equal(await roomAcl.allows(roomId, remote), false);
  const hear = p.deafen();
  await set([]);
  const checked = roomAcl.check(roomId, remote);
  hear();
  await checked;
});
