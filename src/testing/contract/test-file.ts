import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The file whose tests run in this process now. */
let current = process.argv[1] ?? '';

/** The test file whose tests run now, from the folder of the project: that of the process where it has only one. */
export function currentTestFile(): string {
  return relative(ROOT, current);
}

/** Says whose tests are next in a process that runs several files (`scripts/run-test-files.ts`). @param file its whole path. */
export function beginTestFile(file: string): void {
  current = file;
}
