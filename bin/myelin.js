#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Runs Myelin with the Node that it brings along, whatever Node this is. */

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const shipped = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin', 'node');
const flags = ['--disable-warning=ExperimentalWarning'];
const child = spawn(
  existsSync(shipped) ? shipped : process.execPath,
  [...flags, join(root, 'bin', 'myelin-server.js'), ...process.argv.slice(2)],
  { stdio: 'inherit' },
);
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 0 : 1);
});
