import assert from 'node:assert/strict';
import { onTwoProcesses } from '../testing/server/two-processes.ts';

onTwoProcesses(
  'what another process committed is news, and what the process itself did is none',
  async (p) => {
    const alice = await p.person('alice');
    const [room, another] = [await alice.createRoom(), await alice.createRoom()];
    await p.there(alice).say(room, 'first');
    const news = p.server.services.laterNews;
    await news.about([], 0);
    const since = news.position();
    await alice.say(room, 'of its own');
    assert.equal(await news.about([room, alice.userId], since), false);
    await p.there(alice).say(room, 'of the other');
    assert.equal(await news.about([room], since), true);
    assert.equal(await news.about([another], since), false);
  },
);
