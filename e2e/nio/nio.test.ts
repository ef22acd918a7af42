import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { makePlace } from '../../src/testing/engines.ts';
import { ServerProcess } from '../server-process.ts';

const run = promisify(execFile);
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The Python that has matrix-nio, installed on first use; says why when there is none to be had. */
async function python(): Promise<{ command: string } | { missing: string }> {
  const command = here('.venv/bin/python');
  try {
    if (!existsSync(command)) await run('python3', ['-m', 'venv', here('.venv')]);
    await run(command, ['-m', 'pip', 'install', '--quiet', '--requirement', here('requirements.txt')]);
    await run(command, ['-c', 'import asyncio, nio; asyncio.timeout']);
    return { command };
  } catch (error) {
    rmSync(here('.venv'), { recursive: true, force: true });
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n');
    return { missing: `Python 3.11 with matrix-nio cannot be had: ${reason}` };
  }
}

test('two people with matrix-nio converse', async (context) => {
  const found = await python();
  if ('missing' in found) return context.skip(found.missing);
  const place = await makePlace('sqlite');
  const server = await ServerProcess.start(place.env);
  try {
    const { stdout } = await run(found.command, [here('two_people.py'), server.url]);
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
