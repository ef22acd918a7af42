import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import test from 'node:test';
import { askPassword } from './ask-password.ts';

/** What a person at a terminal types, key by key. */
function terminal(): PassThrough & { isTTY: boolean } {
  const keys = new PassThrough() as PassThrough & { setRawMode(): void };
  keys.setRawMode = () => undefined;
  return Object.assign(keys, { isTTY: true });
}

test('a password that is typed is not shown', async () => {
  const [keyboard, screen] = [terminal(), new PassThrough()];
  const asked = askPassword(keyboard, screen);
  for (const key of 'good pasd\u007fsword\r') keyboard.write(key);
  assert.equal(await asked, 'good password');
  assert.equal(String(screen.read()), 'Password: \n');
});

test('a password that is not typed is the first line, and nobody is asked', async () => {
  const [input, screen] = [new PassThrough(), new PassThrough()];
  input.end('good password\nmore\n');
  assert.equal(await askPassword(input, screen), 'good password');
  assert.equal(screen.read(), null);
});

test('without a password the command says how to give one', async () => {
  const [input, screen] = [new PassThrough(), new PassThrough()];
  input.end();
  await assert.rejects(askPassword(input, screen), /There is no password: give --password/);
  const keyboard = terminal();
  const asked = askPassword(keyboard, screen);
  keyboard.write('half\u0003');
  await assert.rejects(asked, /There is no password/);
});
