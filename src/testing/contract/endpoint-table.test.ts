import assert from 'node:assert/strict';
import { onServers } from '../server/test-server.ts';
import { listedEndpoints } from './exercised.ts';

/** What stands in for the parameters of a path: names of things that are not there, in the right form. */
const SAMPLES: Readonly<Record<string, string>> = {
  userId: '@nobody:localhost',
  roomId: '!nowhere:localhost',
  roomIdOrAlias: '!nowhere:localhost',
  roomAlias: '#nowhere:localhost',
  eventId: '$nothing',
  serverName: 'localhost',
};

for (const api of ['client-server', 'identity'] as const) {
  onServers(
    `every endpoint of the ${api} API is there`,
    async ({ anonymous }) => {
      const nobody = anonymous();
      const absent: string[] = [];
      for (const { api: of, method, path } of listedEndpoints()) {
        if (of !== api) continue;
        const url = path.replace(/\{(\w+)\}/g, (_, name: string) =>
          encodeURIComponent(SAMPLES[name] ?? 'nothing'),
        );
        const answer = await nobody.ask(method, url, method === 'GET' ? undefined : {});
        if (answer.body.errcode === 'M_UNRECOGNIZED') absent.push(`${method} ${path}`);
      }
      assert.deepEqual(absent, []);
    },
    { env: api === 'identity' ? { MYELIN_ROLES: 'identity' } : {} },
  );
}
