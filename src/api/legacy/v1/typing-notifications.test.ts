import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { onFederation } from '../../../testing/federation/federation.ts';
import { RemoteRoom } from '../../../testing/federation/remote-room.ts';
import type { Json } from '../../../testing/client/test-client.ts';
import { V1Client } from '../../../testing/client/v1-client.ts';

describe('2015: typing notifications', () => {
  onFederation('who types is told, until they stop [A070]', async ({ a, b, startRemote }) => {
    const [alice, bob] = [V1Client.of(await a.person('alice')), V1Client.of(await b.person('bob'))];
    const room = await alice.createRoom({ room_alias_name: 'garden', preset: 'public_chat' });
    await bob.join(`#garden:${a.name}`);
    const carol = V1Client.of(await a.person('carol'));
    await carol.join(room);
    const remote = await startRemote();
    await RemoteRoom.join(remote, a.name, room);
    const { end } = await bob.events();
    const put = (person: V1Client, body: object) =>
      person.ok('PUT', person.room(room, `/typing/${person.userId}`), body);
    const shows = (person: V1Client, ...who: V1Client[]) => {
      const wanted = who.map(({ userId }) => userId).sort();
      return person.eventUntil(
        end,
        ({ type, content }) =>
          type === 'm.typing' && JSON.stringify([...content.user_ids].sort()) === JSON.stringify(wanted),
      );
    };
    await put(alice, { typing: true, timeout: 60_000 });
    assert.equal((await shows(bob, alice)).room_id, room);
    await put(carol, { typing: true, timeout: 60_000 });
    await shows(bob, alice, carol);
    await put(alice, { typing: false });
    await shows(bob, carol);
    await put(carol, { typing: true, timeout: 200 });
    await shows(bob);
    const typed = () =>
      remote.transactions
        .flatMap(({ edus }) => edus)
        .filter(({ edu_type: type }) => type === 'm.typing')
        .map(({ content }: Json) => [content.room_id, content.user_id, content.typing]);
    const seen = await remote.until(() => {
      const found = typed();
      const stopped = found.filter(([, , typing]) => typing === false).map(([, user]) => user);
      return stopped.includes(alice.userId) && stopped.includes(carol.userId) ? found : undefined;
    });
    assert.ok(seen.some(([id, user, typing]) => id === room && user === alice.userId && typing === true));
    const path = bob.room(room, `/typing/${alice.userId}`);
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, { typing: true, timeout: 1_000 });
  });
});
