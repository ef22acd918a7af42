'use strict';
const { createHash } = require('node:crypto');
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { setFlagsFromString } = require('node:v8');
const { constants, Script } = require('node:vm');

/**
 * Runs the packed program that this file is put beside, with what the engine compiled of it while an earlier server worked. The
 * engine compiles a function when it is called first, and the first requests of each kind call hundreds. A server that stops
 * keeps what it has compiled, if that is more than what was kept before.
 */

const FILE = join(__dirname, 'main.cjs');
const KEPT = join(__dirname, 'main.compiled');
/** What is kept begins with its own SHA-256: the engine would run into anything that has the right length. */
const HASH_BYTES = 32;
/** So much more must have been compiled, as a share, to be worth writing. */
const WORTHWHILE = 1.05;
/** What the program changes of the engine while it runs. The engine takes what was compiled only where all is as it was then. */
const CHANGED = /^--(turbo-filter|maglev-filter|initial-old-space-size)=/;

const kept = read();
const script = new Script(
  `(function (exports, require, module, __filename, __dirname) {${readFileSync(FILE, 'latin1')}\n})`,
  { filename: FILE, cachedData: kept, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER },
);
const keptBytes = kept === undefined || script.cachedDataRejected ? 0 : kept.length;
if (process.argv[2] === 'serve') process.once('exit', (code) => code === 0 && keep());

const program = { exports: {} };
script.runInThisContext()(program.exports, createRequire(FILE), program, FILE, __dirname);

function read() {
  try {
    const file = readFileSync(KEPT);
    const compiled = file.subarray(HASH_BYTES);
    return sha256(compiled).equals(file.subarray(0, HASH_BYTES)) ? compiled : undefined;
  } catch {
    return undefined;
  }
}

function keep() {
  try {
    for (const flag of [...process.execArgv.filter((one) => CHANGED.test(one)), '--no-expose-gc'])
      setFlagsFromString(flag);
    const compiled = script.createCachedData();
    if (compiled.length < keptBytes * WORTHWHILE) return;
    const written = `${KEPT}-${process.pid}`;
    writeFileSync(written, Buffer.concat([sha256(compiled), compiled]));
    renameSync(written, KEPT);
  } catch {
    // Then the next server compiles again what it needs.
  }
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest();
}
