import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { whilePartial } from '../../testing/federation/partial-room.ts';

const part = encodeURIComponent;

onFederation(
  'a server that does not know yet who is in a room vouches for nobody by it, and says that it cannot tell [B104 partial]',
  async (federation) => {
    const { b } = federation;
    await whilePartial(federation, async ({ bob, room, remote, complete }) => {
      const allow = [{ type: 'm.room_membership', room_id: room.roomId }];
      const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } };
      const restricted = await bob.createRoom({ room_version: '10', initial_state: [rules] });
      const make = (name: string) => {
        const member = `${part(restricted)}/${part(`@${name}:${remote.name}`)}`;
        return remote.ask(b.name, 'GET', `/_matrix/federation/v1/make_join/${member}?ver=10`);
      };
      const unable = await make('mallory');
      assert.deepEqual([unable.status, unable.body.errcode], [400, 'M_UNABLE_TO_AUTHORISE_JOIN']);
      complete(true);
      await bob.ok('GET', bob.room(room.roomId, '/members'));
      const made = await make('mallory');
      assert.equal(made.body.event?.content.join_authorised_via_users_server, bob.userId);
      const refused = await make('eve');
      assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN']);
    });
  },
);
