import type { Measurement } from './measurement.ts';
import type { Server } from './servers/server.ts';

/** From this load on the load generator may be what limits throughput. */
const GENERATOR_LIMIT = 0.9;

/** An amount that is not a measurement of operations: disk or memory. */
export interface Amount {
  readonly value: number;
  readonly unit: 'MB' | 'MiB';
}

/** One line of the report for one server. */
export interface Row {
  readonly scenario: string;
  /** What was done, named alike for every server: rows of the same name stand beside each other. */
  readonly operation: string;
  readonly measurement?: Measurement;
  readonly amount?: Amount;
  /** What was different from what the name says, such as a smaller size. */
  readonly note?: string;
}

export interface Results {
  readonly server: Pick<Server, 'name' | 'description'>;
  readonly rows: Row[];
}

/** Megabytes of 1,000,000 bytes. */
export function megabytes(bytes: number): Amount {
  return { value: bytes / 1e6, unit: 'MB' };
}

/** Mebibytes, of 1,048,576 bytes, in which memory is told. */
export function mebibytes(bytes: number): Amount {
  return { value: bytes / 2 ** 20, unit: 'MiB' };
}

/** One line as it comes, for whoever waits. */
export function progressLine(server: string, row: Row): string {
  const cells = [server.padEnd(16), row.operation.padEnd(52), ...figures(row)];
  return [...cells, ...remarks(row)].join('  ');
}

/** All results as a Markdown table; with a second server also how many times the first one's cost its cost is. */
export function reportTable(results: readonly Results[]): string {
  const [first] = results;
  if (!first) return '';
  const names = results.map(({ server }) => server.name);
  const header = [
    'operation',
    ...names.flatMap((name) => [`${name} CPU ms or size`, 'per s', 'p50 ms', 'p99 ms']),
  ];
  if (results.length > 1) header.push(`${names[1] ?? ''} / ${names[0] ?? ''}`);
  const operations = [...new Set(results.flatMap(({ rows }) => rows.map((row) => row.operation)))];
  const lines = operations.map((operation) => {
    const rows = results.map((result) => result.rows.find((row) => row.operation === operation));
    const cells = [operation, ...rows.flatMap((row) => (row ? figures(row) : ['–', '–', '–', '–']))];
    if (results.length > 1) cells.push(ratio(rows[0], rows[1]));
    return cells;
  });
  const table = [header, header.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
  const notes = results.flatMap(({ server, rows }) =>
    rows.flatMap((row) => remarks(row).map((remark) => `- ${server.name}, ${row.operation}: ${remark}`)),
  );
  const servers = results.map(({ server }) => `- ${server.name}: ${server.description}`);
  return [...table, '', ...servers, ...notes].join('\n');
}

/** Whether any operation failed. */
export function anyFailures(results: readonly Results[]): boolean {
  return results.some(({ rows }) => rows.some((row) => (row.measurement?.failures ?? 0) > 0));
}

function figures(row: Row): string[] {
  if (row.amount) return [`${short(row.amount.value)} ${row.amount.unit}`, '–', '–', '–'];
  const { measurement } = row;
  if (!measurement || measurement.operations === 0) return ['–', '–', '–', '–'];
  const { cpuMs, perSecond, p50Ms, p99Ms } = measurement;
  return [cpuMs === undefined ? '–' : short(cpuMs), short(perSecond), short(p50Ms), short(p99Ms)];
}

function remarks(row: Row): string[] {
  const { measurement, note } = row;
  const failed = measurement && measurement.failures > 0;
  const saturated = measurement && measurement.generatorLoad > GENERATOR_LIMIT;
  return [
    ...(note === undefined ? [] : [note]),
    ...(saturated ? ['the load generator was at its limit: the server could be faster'] : []),
    ...(failed ? [`${measurement.failures} failed: ${measurement.firstFailure ?? ''}`] : []),
  ];
}

function ratio(own: Row | undefined, peer: Row | undefined): string {
  const ownCost = own?.measurement?.cpuMs ?? own?.amount?.value;
  const peerCost = peer?.measurement?.cpuMs ?? peer?.amount?.value;
  if (ownCost === undefined || peerCost === undefined || ownCost === 0) return '–';
  return short(peerCost / ownCost);
}

/** Three digits that matter. */
function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
