import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Programs of earlier states of the source are removed when they are older than this, in milliseconds. */
const KEPT_MS = 24 * 60 * 60 * 1000;
/** So many of the newest programs stay however old they are: a server may run one, and starts a thread of it now and then. */
const KEPT = 3;

/** Packages that stay outside: those that the source imports when they are first needed, and what the HTTP framework does not use. */
const LATE_PACKAGES = [
  '@aws-sdk/client-s3',
  '@node-rs/argon2',
  'htmlparser2',
  'jose',
  'libphonenumber-js',
  'nodemailer',
  'prom-client',
  'sharp',
  'sodium-native',
  'undici',
  '@fastify/ajv-compiler',
  '@fastify/fast-json-stringify-compiler',
  'light-my-request',
];

/** What stands for `import.meta.url` in the packed files. */
const OWN_URL = `const ownUrl = require('node:url').pathToFileURL(__filename).href;`;

/**
 * The program with all that it always needs in one file without types, made when the source has changed since the last start.
 * From some 1,500 files of their own the same program takes 20 MB more: each is a module with a record and its whole text.
 * Packages that are loaded when they are first needed stay outside.
 *
 * @param root the folder of the project.
 * @param cache the folder that holds packed programs.
 * @returns the file to run. It is the source itself where nothing can be written or the packer is missing.
 */
export async function packedProgram(root, cache) {
  try {
    const folder = join(cache, `program-${stateOf(root)}`);
    const file = join(folder, 'main.cjs');
    if (!existsSync(file)) await pack(root, cache, folder);
    return file;
  } catch {
    return join(root, 'src', 'main.ts');
  }
}

/** Names what the program is made of: each file of the source by its size and its time, and the versions of the packages. */
function stateOf(root) {
  const state = createHash('sha256');
  const source = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  for (const name of [
    ...source.map((file) => join('src', file)),
    'package-lock.json',
    'bin/packed-program.js',
  ].sort()) {
    const { size, mtimeMs } = statSync(join(root, name));
    if (/\.(ts|js|json)$/.test(name)) state.update(`${name} ${size} ${mtimeMs}\n`);
  }
  return state.digest('hex').slice(0, 16);
}

/** Several may do this at once: whoever is done first puts the folder there, and the others throw theirs away. */
async function pack(root, cache, folder) {
  const { buildSync } = await import('esbuild');
  const made = mkdtempSync(join(cache, 'new-'));
  const nothing = join(made, 'nothing.cjs');
  try {
    writeFileSync(nothing, '');
    buildSync({
      absWorkingDir: root,
      entryPoints: { main: 'src/main.ts', 'checkpoint-worker': 'src/storage/sqlite/checkpoint-worker.ts' },
      outdir: made,
      outExtension: { '.js': '.cjs' },
      bundle: true,
      // As modules the same files, and what was compiled of them, take 3 MB more.
      format: 'cjs',
      platform: 'node',
      target: 'node24',
      // The engine keeps the whole text, twice as large if one letter of a comment is no ASCII. Names stay, and lines stay
      // short, for traces of the stack.
      minifyWhitespace: true,
      lineLimit: 120,
      minifySyntax: true,
      legalComments: 'none',
      banner: { js: OWN_URL },
      define: { 'import.meta.url': 'ownUrl' },
      external: LATE_PACKAGES,
      // The HTTP framework asks for it and does not use it.
      alias: { 'node:http2': nothing },
      logLevel: 'silent',
    });
    renameSync(made, folder);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  removeOld(cache);
}

/** Others may do this at the same time. */
function removeOld(cache) {
  const found = readdirSync(cache)
    .filter((name) => /^(program|new)-/.test(name))
    .map((name) => join(cache, name))
    .map((folder) => ({ folder, madeAt: statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((one, other) => other.madeAt - one.madeAt);
  for (const { folder, madeAt } of found.slice(KEPT))
    if (madeAt < Date.now() - KEPT_MS) rmSync(folder, { recursive: true, force: true });
}
