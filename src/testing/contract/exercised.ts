import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { currentTestFile } from './test-file.ts';
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
  /** Lines, each once. */
  readonly #notes = new Set<string>();

  constructor(folder: string) {
    process.once('exit', () => this.#leave(folder));
  }

  note({ method, url, status, responseBody }: Exchange): void {
    if (status >= 500 || (status >= 400 && NOT_ASKED.has(errcodeOf(responseBody)))) return;
    const path = url.split('?', 1)[0] ?? '';
    const how = status < 400 ? 'answered' : 'refused';
    for (const endpoint of this.#endpoints.find(method, path))
      this.#notes.add(`${endpoint.method}\t${endpoint.path}\t${how}\t${currentTestFile()}\n`);
  }

  #leave(folder: string): void {
    if (this.#notes.size === 0) return;
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${process.pid}.tsv`), [...this.#notes].join(''));
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
