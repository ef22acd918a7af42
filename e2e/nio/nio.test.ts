import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makePlace } from '../../src/testing/server/engines.ts';
import { pythonFor } from '../python.ts';
import { ServerProcess } from '../server-process.ts';

const run = promisify(execFile);
const folder = new URL('.', import.meta.url);

test('two people with matrix-nio converse', async (context) => {
  const found = await pythonFor(folder, 'import asyncio, nio; asyncio.timeout');
  if ('missing' in found) return context.skip(found.missing);
  const place = await makePlace('sqlite');
  const server = await ServerProcess.start(place.env);
  try {
    const { stdout } = await run(found.command, [
      fileURLToPath(new URL('two_people.py', folder)),
      server.url,
    ]);
    assert.deepEqual(JSON.parse(stdout), {
      texts: ['Helo Bob', '* Hello Bob'],
      reactions: ['👍'],
      room: 'The garden',
      read: true,
      members: ['@alice:localhost', '@bob:localhost'],
      history: ['Helo Bob', '* Hello Bob'],
    });
  } finally {
    await server.stop();
    await place.remove();
  }
});
