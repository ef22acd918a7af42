import { Writable } from 'node:stream';

/**
 * A password from the command's input. A person at a terminal is asked, and does not see what is typed; otherwise it is
 * the first line.
 *
 * @param input standard input.
 * @param screen where a person is asked.
 * @throws Error when the input ends before a line does.
 */
export async function askPassword(
  input: NodeJS.ReadableStream & { readonly isTTY?: boolean },
  screen: NodeJS.WritableStream,
): Promise<string> {
  // A server never asks, and does not have this in memory.
  const { createInterface } = await import('node:readline');
  const isPerson = input.isTTY === true;
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (isPerson) screen.write('Password: ');
  const lines = createInterface({ input, output: unseen, terminal: isPerson });
  try {
    for await (const line of lines) return line;
  } finally {
    lines.close();
    if (isPerson) screen.write('\n');
  }
  throw new Error('There is no password: give --password, or the password as the first line of the input');
}
