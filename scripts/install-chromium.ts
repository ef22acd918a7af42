import { spawnSync } from 'node:child_process';
import { findChromium } from '../e2e/browser/chromium.ts';

/** Finds Chromium, for tests of the pages, or installs it where that can be done without asking: by apt, as root or by sudo. */

const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];

if (findChromium() === undefined) {
  process.stderr.write('There is no Chromium: trying to install it by apt\n');
  const isThere = run(['apt-get', 'update', '-q']) && run(['apt-get', 'install', '-y', '-q', 'chromium']);
  if (!isThere || findChromium() === undefined) {
    process.stderr.write('Chromium could not be installed\n');
    process.exit(process.env.CI === 'true' ? 1 : 0);
  }
}

function run(command: string[]): boolean {
  const [first = '', ...rest] = [...asRoot, ...command];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(first, rest, { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0;
}
