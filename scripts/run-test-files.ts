import { resolve } from 'node:path';
import { suite } from 'node:test';
import { pathToFileURL } from 'node:url';
import { takeBreaches } from '../src/testing/contract/checked-traffic.ts';
import { beginTestFile } from '../src/testing/contract/test-file.ts';

/**
 * Declares the tests of files, one after the other, each as a suite that has the name of the file: what a file does before or
 * after its tests it does for these alone. A file is loaded when the tests of the one before have ended.
 *
 * @param files from the folder of the project.
 */
export async function runTestFiles(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const path = resolve(file);
    beginTestFile(path);
    // What the file before asked against the specification last was its own affair.
    takeBreaches();
    await suite(file, async () => {
      await import(pathToFileURL(path).href);
    });
  }
}
