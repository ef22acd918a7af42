/** An operation that fails this often in one worker ends that worker. */
const MAX_FAILURES = 20;

/** The loop ends at whichever comes first. */
export interface LoopLimits {
  readonly workers: number;
  readonly forMs: number;
  readonly count?: number;
}

export interface LoopOutcome {
  /** One for each operation that succeeded, in ms. */
  readonly durationsMs: readonly number[];
  readonly wallMs: number;
  readonly failures: number;
  readonly firstFailure: string | undefined;
}

/**
 * Workers that each begin an operation when their last one is answered.
 *
 * @param operation gets the number of the operation in the whole loop and the number of its worker, both from 0.
 */
export async function closedLoop(
  limits: LoopLimits,
  operation: (index: number, worker: number) => Promise<unknown>,
): Promise<LoopOutcome> {
  const durationsMs: number[] = [];
  const failures: string[] = [];
  const count = limits.count ?? Infinity;
  const began = performance.now();
  let next = 0;
  const work = async (worker: number) => {
    let failed = 0;
    while (next < count && performance.now() - began < limits.forMs && failed < MAX_FAILURES) {
      const index = next++;
      const start = performance.now();
      try {
        await operation(index, worker);
        durationsMs.push(performance.now() - start);
      } catch (error) {
        failed++;
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  await Promise.all(Array.from({ length: limits.workers }, (_, worker) => work(worker)));
  return {
    durationsMs,
    wallMs: performance.now() - began,
    failures: failures.length,
    firstFailure: failures[0],
  };
}
