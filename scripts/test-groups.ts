import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inParts } from '../src/platform/list-parts.ts';

/**
 * Several test files in one process. To load the server, to compile the schemas of the specification and to run all code for
 * the first time costs a process more than most files' tests do.
 */

/** Where the files are written that `node --test` is given, one for each group. */
const FOLDER = 'data/test-groups';
/** Files in a group. Twice as many would save a little more, and leave processors idle while the last ones end. */
const SIZE = 8;

/** Parts of a list, of as many files as make a group. */
export function groupsOf(files: readonly string[]): string[][] {
  return [...inParts(files, SIZE)];
}

/**
 * Writes a file for each group of test files. `node --test` runs files in the order of their names, whatever it is given:
 * these have numbers.
 *
 * @param groups in the order in which they are to begin; paths from the folder of the project.
 * @returns paths of the files written.
 */
export function writeGroups(groups: readonly (readonly string[])[]): string[] {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  return groups.map((files, i) => {
    const path = join(FOLDER, `group-${String(i + 1).padStart(3, '0')}.ts`);
    const list = JSON.stringify(files, undefined, 2);
    writeFileSync(
      path,
      `import { runTestFiles } from '../../scripts/run-test-files.ts';\n\nawait runTestFiles(${list});\n`,
    );
    return path;
  });
}
