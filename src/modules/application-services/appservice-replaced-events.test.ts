import assert from 'node:assert/strict';
import type { Received } from '../../testing/application-services/application-service.ts';
import { withAppservice } from '../../testing/application-services/appservice-scene.ts';
import type { Json } from '../../testing/client/test-client.ts';

const tells =
  (what: (content: Json) => boolean) =>
  ({ path, body }: Received) =>
    path.includes('/transactions/') && (body.events as Json[]).some(({ content }) => what(content));
const says = (text: string) => tells(({ body }) => body === text);
const names = (text: string) => tells(({ name }) => name === text);

withAppservice(
  'an application service is told what an event replaced, and by what it was redacted, as its users see it',
  async ({ service, bot, ghost, person }) => {
    const alice = await person('alice');
    const visibility = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } };
    const room = await alice.createRoom({
      preset: 'public_chat',
      name: 'unseen',
      initial_state: [visibility],
    });
    const carl = await ghost('_irc_carl');
    await carl.join(room);
    const rename = (name: string) => alice.ok('PUT', alice.room(room, '/state/m.room.name'), { name });
    await rename('seen');
    await rename('last');
    await service.next(names('last'));
    const replaced = async (name: string) => {
      const { body } = await service.next(names(name));
      return (body.events as Json[]).find(({ content }) => content.name === name).unsigned
        .prev_content as Json;
    };
    assert.equal(await replaced('seen'), undefined);
    assert.deepEqual(await replaced('last'), { name: 'seen' });

    service.answer = ({ path }) => (path.includes('/transactions/') ? [500] : [200]);
    await alice.say(room, 'not taken');
    await service.next(says('not taken'));
    const redacted = await alice.say(room, 'to be redacted');
    await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(redacted)}/1`), { reason: 'wrong' });
    await carl.ok('POST', carl.room(room, '/leave'));
    service.answer = () => [200];
    await bot.ok('POST', '/v1/appservice/irc/ping', {});
    const about = (event: Json) => event.event_id === redacted;
    const { body } = await service.next(({ body }) => ((body?.events ?? []) as Json[]).some(about));
    const { redacted_because: because } = (body.events as Json[]).find(about).unsigned;
    assert.equal(because.content.reason, 'wrong');
    const left = (body.events as Json[]).find((event) => event.content.membership === 'leave');
    assert.equal(left.unsigned.prev_content.membership, 'join');
  },
);

withAppservice(
  'an application service is told what an event replaced in a room of its namespaces, where none of its users is',
  async ({ service, person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom({ name: 'before' });
    await alice.ok('PUT', alice.room(room, '/state/m.room.name'), { name: 'after' });
    const { body } = await service.next(names('after'));
    const renamed = (body.events as Json[]).find(({ content }) => content.name === 'after');
    assert.deepEqual(renamed.unsigned.prev_content, { name: 'before' });
  },
  { namespaces: { users: [], aliases: [], rooms: [{ regex: '!.*' }] } },
);
