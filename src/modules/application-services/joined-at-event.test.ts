import assert from 'node:assert/strict';
import type { Received } from '../../testing/application-services/application-service.ts';
import { withAppservice, type Ghost } from '../../testing/application-services/appservice-scene.ts';
import type { Json } from '../../testing/client/test-client.ts';

const says = (text: string) => (request: Received) =>
  request.path.includes('/transactions/') &&
  (request.body.events as Json[]).some((event) => event.content?.body === text);

for (const isRestarted of [false, true]) {
  withAppservice(
    `what was said while users of an application service were there is told however late, of before and after nothing${isRestarted ? ', also after a restart' : ''} [B117]`,
    async ({ service, bot, person, ghost, stop, start }) => {
      const alice = await person('alice');
      const [carl, dora] = [await ghost('_irc_carl'), await ghost('_irc_dora')];
      const home = await carl.createRoom();
      await carl.say(home, 'the first');
      await service.next(says('the first'));
      service.answer = ({ path }) => (path.includes('/transactions/') ? [500] : [200]);
      await carl.say(home, 'not taken');
      await service.next(says('not taken'));
      const visibility = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } };
      const room = await alice.createRoom({ preset: 'public_chat', initial_state: [visibility] });
      const kick = (ghost: Ghost) => alice.ok('POST', alice.room(room, '/kick'), { user_id: ghost.userId });
      await alice.say(room, 'to nobody');
      await carl.join(room);
      await alice.say(room, 'to carl');
      await dora.join(room);
      await kick(carl);
      await alice.say(room, 'to dora');
      await kick(dora);
      await alice.say(room, 'to nobody again');
      await carl.join(room);
      await alice.say(room, 'to carl again');
      await carl.ok('POST', carl.room(room, '/leave'));
      await alice.say(room, 'to nobody in the end');
      await carl.say(home, 'the last');
      service.answer = () => [200];
      if (isRestarted) {
        await stop();
        await start();
      } else await bot.ok('POST', '/v1/appservice/irc/ping', {});
      await service.next(says('the last'));
      const events = service.events();
      assert.deepEqual(
        events.flatMap((event) => event.content.body ?? []),
        ['the first', 'not taken', 'to carl', 'to dora', 'to carl again', 'the last'],
      );
      const members = events.filter((event) => event.room_id === room && event.type === 'm.room.member');
      assert.deepEqual(
        members.map(({ state_key: user, content }) => `${user} ${content.membership}`),
        [
          ...[`${carl.userId} join`, `${dora.userId} join`, `${carl.userId} leave`],
          ...[`${dora.userId} leave`, `${carl.userId} join`, `${carl.userId} leave`],
        ],
      );
    },
  );
}
