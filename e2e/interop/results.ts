import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Where what a run found is kept. */
export const RESULTS_FILE = 'docs/interop.tsv';

/** What one feature did between Myelin and a peer. */
export interface Cell {
  /** Such as `Synapse 1.163.2`. */
  readonly peer: string;
  /** Whose room it was: `Myelin`, or the peer's software. */
  readonly home: string;
  readonly feature: string;
  readonly roomVersion: string;
  readonly result: 'works' | 'fails' | 'not in this version' | 'peer lacks it';
  /** Why it fails. */
  readonly reason: string;
}

/** Longer reasons are cut off. */
const MOST_CHARACTERS = 300;

const COLUMNS = ['peer', 'home', 'feature', 'roomVersion', 'result', 'reason'] as const;

export function readResults(file = RESULTS_FILE): Cell[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n').slice(1);
  return lines.map((line) => {
    const values = line.split('\t');
    return Object.fromEntries(COLUMNS.map((name, i) => [name, values[i] ?? ''])) as unknown as Cell;
  });
}

/** Keeps what was found; what a run did not look at stays as an earlier run found it. */
export function keepResults(found: readonly Cell[], file = RESULTS_FILE): void {
  const keyOf = (cell: Cell) => [softwareOf(cell.peer), cell.home, cell.feature, cell.roomVersion].join('\t');
  const cells = new Map(readResults(file).map((cell) => [keyOf(cell), cell]));
  for (const cell of found) cells.set(keyOf(cell), cell);
  const lines = [...cells.values()].map((cell) => COLUMNS.map((name) => flat(cell[name])).join('\t'));
  writeFileSync(file, `${COLUMNS.join('\t')}\n${lines.join('\n')}\n`);
}

function softwareOf(peer: string): string {
  return peer.split(' ')[0] ?? peer;
}

function flat(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, MOST_CHARACTERS);
}

/** Tables in Markdown, one for each peer: a line a feature, a column a room version, in both directions. */
export function interopTables(cells: readonly Cell[]): string {
  const peers = [...new Set(cells.map(({ peer }) => peer))];
  return peers
    .map((peer) =>
      tableOf(
        peer,
        cells.filter((cell) => cell.peer === peer),
      ),
    )
    .join('\n');
}

const SIGNS: Readonly<Record<Cell['result'], string>> = {
  works: 'works',
  fails: '**fails**',
  'not in this version': '–',
  'peer lacks it': 'peer lacks it',
};

function tableOf(peer: string, cells: readonly Cell[]): string {
  const versions = [...new Set(cells.map(({ roomVersion }) => roomVersion))];
  versions.sort((one, other) => Number(one) - Number(other));
  const lines = [
    `### ${peer}`,
    '',
    `| feature | room made on | ${versions.join(' | ')} |`,
    `| --- | --- |${' --- |'.repeat(versions.length)}`,
  ];
  const reasons: string[] = [];
  for (const feature of new Set(cells.map((cell) => cell.feature))) {
    for (const home of new Set(cells.map((cell) => cell.home))) {
      const row = cells.filter((cell) => cell.feature === feature && cell.home === home);
      const signs = versions.map((version) => {
        const cell = row.find(({ roomVersion }) => roomVersion === version);
        return cell ? SIGNS[cell.result] : '';
      });
      lines.push(`| ${feature} | ${home} | ${signs.join(' | ')} |`);
      for (const reason of new Set(row.map((cell) => cell.reason)))
        if (reason !== '') reasons.push(`- ${feature}, room made on ${home}: ${reason}`);
    }
  }
  return [...lines, ...(reasons.length > 0 ? ['', ...reasons] : []), ''].join('\n');
}
