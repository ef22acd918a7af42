import { onServers } from '../../../testing/server/test-server.ts';

onServers('one person reacts to one event with one key once [B046]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const event = await alice.say(room, 'react!');
  const reaction = (key: string) => ({ 'm.relates_to': { rel_type: 'm.annotation', event_id: event, key } });
  const first = await alice.send(room, 'm.reaction', reaction('+'));
  await alice.fails(
    400,
    'M_DUPLICATE_ANNOTATION',
    'PUT',
    alice.room(room, '/send/m.reaction/again'),
    reaction('+'),
  );
  await alice.send(room, 'm.reaction', reaction('-'));
  await alice.ok('PUT', alice.room(room, `/redact/${first}/undo`), {});
  await alice.send(room, 'm.reaction', reaction('+'));
});
