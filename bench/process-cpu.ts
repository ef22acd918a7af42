import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Linux reports processor time in ticks of 10 ms to programs, whatever the kernel itself uses. */
const MS_PER_TICK = 10;

interface ProcessTimes {
  readonly parent: number;
  /** User and system time, with that of children that have ended, in ms. */
  readonly cpuMs: number;
}

/** One line of `/proc/<pid>/stat`; undefined when the process is gone. */
function processTimes(pid: number): ProcessTimes | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field] ?? 0), 0);
  return { parent: Number(fields[1] ?? 0), cpuMs: ticks * MS_PER_TICK };
}

/** The processes and all their descendants, as far as they live. */
export function processTree(roots: readonly number[]): readonly number[] {
  if (roots.length === 0) return [];
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = processTimes(Number(name))?.parent;
    if (parent === undefined) continue;
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [...new Set(roots)];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []).filter((child) => !tree.includes(child)));
  return tree;
}

/** Processor time that the trees under these processes have used since they began, in ms, to 10 ms. */
export function cpuMs(roots: readonly number[]): number {
  return processTree(roots).reduce((sum, pid) => sum + (processTimes(pid)?.cpuMs ?? 0), 0);
}

/**
 * As `cpuMs`, to the nanosecond, for what takes a few milliseconds: of the threads and processes that live. Those that end
 * between two readings are missed.
 */
export function exactCpuMs(roots: readonly number[]): number {
  return processTree(roots)
    .flatMap((pid) => threadsOf(pid).map((thread) => `/proc/${pid}/task/${thread}/schedstat`))
    .reduce((sum, file) => sum + Number(readText(file)?.split(' ')[0] ?? 0) / 1e6, 0);
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Resident memory of one process, in bytes; 0 when it is gone. */
export function residentBytes(pid: number): number {
  return kibibytes(`/proc/${pid}/status`, 'VmRSS') * 1024;
}

/** Memory of whole trees with shared pages counted once (proportional set size), in bytes. */
export function proportionalBytes(roots: readonly number[]): number {
  return processTree(roots).reduce(
    (sum, pid) => sum + kibibytes(`/proc/${pid}/smaps_rollup`, 'Pss') * 1024,
    0,
  );
}

/** The process that started this one; undefined when there is none here, or when it is not a program of this name. */
export function parentOf(pid: number, program: string): number | undefined {
  if (readText(`/proc/${pid}/comm`)?.trim() !== program) return undefined;
  return processTimes(pid)?.parent;
}

/**
 * Keeps processes with all their threads on one processor.
 *
 * @returns whether the machine has `taskset` and it allowed that for every process.
 */
export function pin(pids: readonly number[], processor: number): boolean {
  return pids.every((pid) => {
    const { status } = spawnSync('taskset', ['-a', '-p', '-c', String(processor), String(pid)]);
    return status === 0;
  });
}

function kibibytes(file: string, key: string): number {
  const line = readText(file)
    ?.split('\n')
    .find((one) => one.startsWith(`${key}:`));
  return Number(line?.match(/\d+/)?.[0] ?? 0);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
