import { readFileSync, writeFileSync } from 'node:fs';
import { configurationDocument } from '../src/platform/config/document-config.ts';

/** Writes what of the documentation is made from the code; with `--check` says whether it is up to date. */

const FILE = 'docs/configuration.md';
const text = configurationDocument();
if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== text) {
    process.stderr.write(`${FILE} is out of date: run "npm run docs"\n`);
    process.exit(1);
  }
} else {
  writeFileSync(FILE, text);
}
