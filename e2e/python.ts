import { execFile } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
/** A network that is not there must not hold up the tests. */
const INSTALL_MS = 180_000;

function run(command: string, args: readonly string[]): Promise<unknown> {
  return execute(command, [...args], { timeout: INSTALL_MS });
}

/**
 * The Python that has what a folder's `requirements.txt` asks for, installed on first use; says why when there is none to be
 * had.
 *
 * @param proof - A program that only runs where everything is there.
 */
export async function pythonFor(
  folder: URL,
  proof: string,
): Promise<{ command: string } | { missing: string }> {
  const here = (name: string) => fileURLToPath(new URL(name, folder));
  const command = here('.venv/bin/python');
  try {
    if (!existsSync(command)) await run('python3', ['-m', 'venv', here('.venv')]);
    await run(command, ['-m', 'pip', 'install', '--quiet', '--requirement', here('requirements.txt')]);
    await run(command, ['-c', proof]);
    return { command };
  } catch (error) {
    rmSync(here('.venv'), { recursive: true, force: true });
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n');
    return { missing: `Python with what ${here('requirements.txt')} asks for cannot be had: ${reason}` };
  }
}
