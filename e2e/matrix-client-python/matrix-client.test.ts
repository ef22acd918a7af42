import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makePlace } from '../../src/testing/server/engines.ts';
import { pythonFor } from '../python.ts';
import { ServerProcess } from '../server-process.ts';

const run = promisify(execFile);
const folder = new URL('.', import.meta.url);

describe('2015: matrix-client 0.0.3 for Python', () => {
  test('two people register in version 1, meet and talk', async (context) => {
    const found = await pythonFor(folder, 'import matrix_client.client');
    if ('missing' in found) return context.skip(found.missing);
    const place = await makePlace('sqlite');
    const server = await ServerProcess.start(place.env);
    try {
      const program = fileURLToPath(new URL('two_people.py', folder));
      const { stdout } = await run(found.command, [program, server.url], { timeout: 60_000 });
      const talk = [
        ['@alice:localhost', 'hello bob'],
        ['@bob:localhost', 'waves'],
      ];
      assert.deepEqual(JSON.parse(stdout), {
        same: true,
        heard: talk,
        history: [['@alice:localhost', 'before bob'], ...talk],
        topic: 'Plants',
        kicked: true,
        membership: 'leave',
      });
    } finally {
      await server.stop();
      await place.remove();
    }
  });
});
