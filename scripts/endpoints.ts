import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listedEndpoints, type ListedEndpoint } from '../src/testing/contract/exercised.ts';

/**
 * Writes docs/endpoints.md from what the test processes of the last run noted, and fails when an endpoint of the
 * client-server API or of the identity service was exercised by no test. With `--check` it writes nothing.
 */

const FILE = 'docs/endpoints.md';
const NOTES = 'data/exercised';
/** Tests that ask every endpoint alike prove nothing of any. */
const OF_ALL = 'src/testing/';
const HEAD = `# Endpoints

This table is made by \`npm test\`; do not edit it. It has what the specification asks of a homeserver and of
an identity server (\`endpoints.tsv\`) and, for each endpoint, test files in which it gave what was asked for; or those in
which it only refused to.

`;

const answeredIn = notes('answered');
const refusedIn = notes('refused');
const isTested = (one: ListedEndpoint) => answeredIn(one).length + refusedIn(one).length > 0;
if (!process.argv.includes('--check')) writeFileSync(FILE, documentOf(listedEndpoints()));
const untested = listedEndpoints().filter((one) => one.api !== 'server-server' && !isTested(one));
for (const { method, path } of untested) process.stderr.write(`no test exercises ${method} ${path}\n`);
if (untested.length > 0) process.exit(1);

/** The test files in which an endpoint answered in a way. */
function notes(wanted: 'answered' | 'refused'): (endpoint: ListedEndpoint) => string[] {
  const found = new Map<string, Set<string>>();
  for (const name of existsSync(NOTES) ? readdirSync(NOTES) : []) {
    for (const line of readFileSync(join(NOTES, name), 'utf8').trimEnd().split('\n')) {
      const [method = '', path = '', how, file = ''] = line.split('\t');
      if (how !== wanted || file.startsWith(OF_ALL)) continue;
      const key = `${method} ${path}`;
      found.set(key, (found.get(key) ?? new Set()).add(file));
    }
  }
  return ({ method, path }) => [...(found.get(`${method} ${path}`) ?? [])].sort();
}

function documentOf(endpoints: readonly ListedEndpoint[]): string {
  let body = '';
  for (const [api, title] of [
    ['client-server', 'Client-Server API'],
    ['server-server', 'Server-Server API'],
    ['identity', 'Identity Service API'],
  ] as const) {
    const rows = endpoints.filter((one) => one.api === api);
    const answered = rows.filter((one) => answeredIn(one).length > 0).length;
    const tested = rows.filter(isTested).length;
    body += `## ${title}\n\n${tested} of ${rows.length} are tested; ${tested - answered} of them only refuse.\n\n`;
    body += '| endpoint | operation | tests |\n| --- | --- | --- |\n';
    for (const one of rows)
      body += `| \`${one.method} ${one.path}\` | ${one.operation} | ${linksOf(one)} |\n`;
    body += '\n';
  }
  return `${HEAD}${body.trimEnd()}\n`;
}

/** The first three files: an endpoint such as /register is in nearly all. */
function linksOf(endpoint: ListedEndpoint): string {
  const answered = answeredIn(endpoint);
  const files = answered.length > 0 ? answered : refusedIn(endpoint);
  const links = files.slice(0, 3).map((file) => `[${file}](../${file})`);
  const all = [...links, ...(files.length > 3 ? [`${files.length - 3} more`] : [])].join(', ');
  return answered.length > 0 || files.length === 0 ? all : `refused: ${all}`;
}
