import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const PLACES = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** It does nothing that it was not told to, and needs no display. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where Chromium is on this machine: what `MYELIN_TEST_CHROMIUM` says, else where packages put it. */
export function findChromium(): string | undefined {
  const named = process.env.MYELIN_TEST_CHROMIUM;
  return [...(named === undefined ? [] : [named]), ...PLACES].find((place) => existsSync(place));
}

/** Why tests in a browser are left out here; undefined where they are not. In CI they must not be. */
export function reasonToSkip(): string | undefined {
  if (findChromium() !== undefined) return undefined;
  process.stderr.write(
    '*** NO CHROMIUM: no page is tested in a browser. scripts/install-chromium.ts installs one. ***\n',
  );
  if (process.env.CI === 'true') throw new Error('In CI the pages must be tested in Chromium, too');
  return 'there is no Chromium';
}

/** Starts Chromium with an empty profile of its own. */
export function startChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('There is no Chromium');
  return chromium.launch({ executablePath, args: FLAGS, headless: true });
}
