import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Writes down what a run of the conformance suite Complement gave: complement/results-PACKAGE.txt, a line a test, from the
 * output of `go tool test2json`. Reasons for what does not pass come from complement/exceptions.json, which may name a test
 * or one above it.
 *
 * Usage: scripts/complement-results.ts PACKAGE FILE.json
 */

interface Line {
  readonly Test?: string;
  readonly Action: string;
}

const [name, file] = process.argv.slice(2);
if (name === undefined || file === undefined) {
  process.stderr.write('Usage: scripts/complement-results.ts PACKAGE FILE.json\n');
  process.exit(2);
}

const results = readResults(readFileSync(file, 'utf8'));
const exceptions = JSON.parse(readFileSync('complement/exceptions.json', 'utf8')) as Record<string, string>;
writeFileSync(`complement/results-${name}.txt`, report(name, results));

function readResults(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (!line.startsWith('{')) continue;
    const { Test: test, Action: action } = JSON.parse(line) as Line;
    if (test === undefined) continue;
    if (action === 'run') found.set(test, 'DIED');
    if (action === 'pass' || action === 'fail' || action === 'skip') found.set(test, action.toUpperCase());
  }
  return found;
}

function report(packageName: string, found: ReadonlyMap<string, string>): string {
  const tests = [...found.keys()].sort();
  const parents = new Set(tests.flatMap((test) => above(test)));
  const leaves = tests.filter((test) => !parents.has(test));
  const lines = tests.map((test) => {
    const result = found.get(test) ?? 'DIED';
    const reason =
      result === 'PASS' || parents.has(test) ? undefined : (reasonFor(test) ?? 'not looked into yet');
    return `${result} ${test}${reason === undefined ? '' : `  # ${reason}`}`;
  });
  return [
    `# Complement's package "${packageName}" against Myelin. A test above others fails when one below it does.`,
    `# All ${tests.length}: ${counts(tests, found)}. Without those above others, ${leaves.length}: ${counts(leaves, found)}.`,
    ...lines,
    '',
  ].join('\n');
}

function counts(tests: readonly string[], found: ReadonlyMap<string, string>): string {
  const number = (result: string) => tests.filter((test) => found.get(test) === result).length;
  return ['PASS', 'FAIL', 'SKIP', 'DIED'].map((result) => `${number(result)} ${result}`).join(', ');
}

function reasonFor(test: string): string | undefined {
  return [test, ...above(test).reverse()]
    .map((one) => exceptions[one])
    .find((reason) => reason !== undefined);
}

/** The tests that a test is part of, the outermost first. */
function above(test: string): string[] {
  const parts = test.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}
