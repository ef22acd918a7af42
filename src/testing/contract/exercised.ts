import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperationFinder } from './operation-finder.ts';
import type { Exchange } from './traffic.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A row of docs/endpoints.tsv: an endpoint that the specification asks of a homeserver, or of an identity server. */
export interface ListedEndpoint {
  readonly api: 'client-server' | 'server-server' | 'identity';
  readonly method: string;
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly operation: string;
  readonly section: string;
}

/** All endpoints of docs/endpoints.tsv. */
export function listedEndpoints(): ListedEndpoint[] {
  const [, ...lines] = readFileSync(join(ROOT, 'docs/endpoints.tsv'), 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [api = '', method = '', path = '', operation = '', section = ''] = line.split('\t');
    return { api: api as ListedEndpoint['api'], method, path, operation, section };
  });
}

/** Refusals that come before an endpoint had its say. */
const NOT_ASKED = new Set([
  'M_UNRECOGNIZED',
  'M_MISSING_TOKEN',
  'M_UNKNOWN_TOKEN',
  'M_NOT_JSON',
  'M_BAD_JSON',
]);

/**
 * Notes which endpoints answered the tests of this process, with what was asked for or with a refusal of their own. When the
 * process ends the notes are left in a folder, one file a process, for `scripts/endpoints.ts`.
 */
export class ExercisedEndpoints {
  readonly #endpoints = new OperationFinder(listedEndpoints());
  readonly #answered = new Set<ListedEndpoint>();
  readonly #refused = new Set<ListedEndpoint>();

  constructor(folder: string) {
    process.once('exit', () => this.#leave(folder));
  }

  note({ method, url, status, responseBody }: Exchange): void {
    if (status >= 500 || (status >= 400 && NOT_ASKED.has(errcodeOf(responseBody)))) return;
    const path = url.split('?', 1)[0] ?? '';
    const seen = status < 400 ? this.#answered : this.#refused;
    for (const endpoint of this.#endpoints.find(method, path)) seen.add(endpoint);
  }

  #leave(folder: string): void {
    const file = relative(ROOT, process.argv[1] ?? '');
    const linesOf = (seen: ReadonlySet<ListedEndpoint>, how: string) =>
      [...seen].map(({ method, path }) => `${method}\t${path}\t${how}\t${file}\n`).join('');
    const text = linesOf(this.#answered, 'answered') + linesOf(this.#refused, 'refused');
    if (text === '') return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${process.pid}.tsv`), text);
  }
}

function errcodeOf(body: Buffer): string {
  try {
    const error = JSON.parse(body.toString()) as { errcode?: unknown } | null;
    return String(error?.errcode);
  } catch {
    return '';
  }
}
