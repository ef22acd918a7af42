import { closedLoop, type LoopLimits } from './closed-loop.ts';
import type { Effort } from './effort.ts';
import { LoadClient, type BenchUser } from './load-client.ts';
import { measurementOf, median, type CpuUse, type Measurement } from './measurement.ts';
import { cpuMs, exactCpuMs } from './process-cpu.ts';
import type { Row } from './report.ts';
import type { Server } from './servers/server.ts';

/** Requests under way while something is made that is not measured. */
const FILL_WORKERS = 16;

/** What a body of a message says when it does not matter. */
export const FILLER = 'the quick brown fox jumps over the lazy dog, 0123456789';

/** A server as the scenarios see it: somebody to send requests as, and something that measures them. */
export class Subject {
  readonly server: Server;
  readonly client: LoadClient;
  readonly effort: Effort;
  readonly #report: (row: Row) => void;
  readonly #users: BenchUser[] = [];

  constructor(server: Server, effort: Effort, report: (row: Row) => void) {
    this.server = server;
    this.client = new LoadClient(server.baseUrl);
    this.effort = effort;
    this.#report = report;
  }

  report(row: Row): void {
    this.#report(row);
  }

  /**
   * The first accounts of a pool that all scenarios share, registering those that are missing.
   *
   * @returns fewer than asked for when that takes longer than the effort allows.
   */
  async users(count: number): Promise<readonly BenchUser[]> {
    this.#users.push(...(await this.newcomers(Math.max(0, count - this.#users.length))));
    return this.#users.slice(0, count);
  }

  /** Accounts outside of the pool, for what would leave marks on them: who made thousands of rooms syncs slowly. */
  async newcomers(count: number): Promise<readonly BenchUser[]> {
    const users: BenchUser[] = [];
    await this.fill(count, async () => {
      users.push(await this.client.register());
    });
    return users;
  }

  /**
   * Makes something that is not measured.
   *
   * @returns how many operations succeeded: fewer than asked for when that takes longer than the effort allows.
   * @throws Error when one failed.
   */
  async fill(count: number, operation: (index: number) => Promise<unknown>): Promise<number> {
    if (count === 0) return 0;
    const outcome = await closedLoop({ workers: FILL_WORKERS, count, forMs: this.effort.fillMs }, operation);
    if (outcome.firstFailure !== undefined) throw new Error(outcome.firstFailure);
    return outcome.durationsMs.length;
  }

  /** A public room with these members, the first of whom makes it. */
  async room(members: readonly BenchUser[]): Promise<string> {
    const [creator, ...others] = members;
    if (!creator) throw new Error('A room needs a member: no account could be made');
    const roomId = await this.client.createRoom(creator, 'public_chat');
    await this.fill(others.length, (index) => this.client.join(at(others, index), roomId));
    return roomId;
  }

  /**
   * Starts counting processor time; the function that it returns says how much was used since.
   *
   * @param read `exactCpuMs` for what takes less than some hundred milliseconds as a whole.
   */
  countCpu(read: (roots: readonly number[]) => number = cpuMs): () => CpuUse {
    const serverSoFar = () => {
      const processes = this.server.processes();
      return processes.length === 0 ? undefined : read(processes) + read(this.server.databaseProcesses());
    };
    const generatorBefore = process.cpuUsage();
    const serverBefore = serverSoFar();
    return () => {
      const serverAfter = serverSoFar();
      const known = serverBefore !== undefined && serverAfter !== undefined;
      const generator = process.cpuUsage(generatorBefore);
      return {
        serverMs: known ? serverAfter - serverBefore : undefined,
        generatorMs: (generator.user + generator.system) / 1_000,
      };
    };
  }

  /** Runs a loop once and says what it cost: to the nanosecond where it is a single operation. */
  async measure(
    limits: LoopLimits,
    operation: (index: number, worker: number) => Promise<unknown>,
  ): Promise<Measurement> {
    const cpuUsed = this.countCpu(limits.count === 1 ? exactCpuMs : cpuMs);
    const outcome = await closedLoop(limits, operation);
    return measurementOf(outcome, cpuUsed());
  }

  /** Loops of one phase each, as many as the effort says; the median of them. */
  async measurePhases(
    workers: number,
    operation: (index: number, worker: number) => Promise<unknown>,
  ): Promise<Measurement> {
    return this.repeat(() => this.measure({ workers, forMs: this.effort.phaseMs }, operation));
  }

  /** The median of as many runs as the effort says. */
  async repeat(run: () => Promise<Measurement>): Promise<Measurement> {
    const runs: Measurement[] = [];
    for (let i = 0; i < this.effort.repetitions; i++) runs.push(await run());
    return median(runs);
  }
}

/** Element of a list that is known to have one, counting around. */
export function at<T>(list: readonly T[], index: number): T {
  const element = list[index % list.length];
  if (element === undefined) throw new Error('The list is empty: nothing could be made within the time');
  return element;
}
