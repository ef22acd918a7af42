import type { LoopOutcome } from './closed-loop.ts';

/** What an operation costs, and how fast it went. */
export interface Measurement {
  readonly operations: number;
  /** Processor time of server and database for one operation; undefined when their processes are not known. */
  readonly cpuMs: number | undefined;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Part of one processor that this program used meanwhile: near 1, speed and times are its limit, not the server's. */
  readonly generatorLoad: number;
  readonly failures: number;
  readonly firstFailure: string | undefined;
}

/** Processor time in ms: of server and database, undefined when not known, and of this program. */
export interface CpuUse {
  readonly serverMs: number | undefined;
  readonly generatorMs: number;
}

/** @param cpu what the whole loop took. */
export function measurementOf(outcome: LoopOutcome, cpu: CpuUse): Measurement {
  const sorted = Float64Array.from(outcome.durationsMs).sort();
  const operations = sorted.length;
  return {
    operations,
    cpuMs: cpu.serverMs === undefined || operations === 0 ? undefined : cpu.serverMs / operations,
    perSecond: outcome.wallMs === 0 ? 0 : (operations * 1000) / outcome.wallMs,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    generatorLoad: outcome.wallMs === 0 ? 0 : cpu.generatorMs / outcome.wallMs,
    failures: outcome.failures,
    firstFailure: outcome.firstFailure,
  };
}

/** The median of repetitions, each figure by itself; failures are added up. */
export function median(runs: readonly Measurement[]): Measurement {
  const middle = (pick: (run: Measurement) => number) => quantile(Float64Array.from(runs, pick).sort(), 0.5);
  return {
    operations: runs.reduce((sum, run) => sum + run.operations, 0),
    cpuMs: runs.some((run) => run.cpuMs === undefined) ? undefined : middle((run) => run.cpuMs ?? 0),
    perSecond: middle((run) => run.perSecond),
    p50Ms: middle((run) => run.p50Ms),
    p99Ms: middle((run) => run.p99Ms),
    generatorLoad: middle((run) => run.generatorLoad),
    failures: runs.reduce((sum, run) => sum + run.failures, 0),
    firstFailure: runs.find((run) => run.firstFailure !== undefined)?.firstFailure,
  };
}

function quantile(sorted: Float64Array, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}
