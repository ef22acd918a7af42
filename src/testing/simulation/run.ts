import { createHash } from 'node:crypto';
import { brokenInvariants } from './invariants.ts';
import { Scenario } from './scenario.ts';
import type { Plant } from './simulated-server.ts';
import { World, type Size } from './world.ts';

/** What came of one seed. */
export interface SimulationResult {
  readonly seed: number;
  readonly size: Size;
  /** What does not hold; empty when all is well. */
  readonly broken: readonly string[];
  /** What happened, line by line. */
  readonly trace: readonly string[];
  /** A hash of the trace. */
  readonly digest: string;
  readonly events: number;
  readonly messages: number;
}

const LARGE: Size = { servers: 20, rooms: 1, steps: 40, rounds: 1 };
/** Of so many seeds, one is for tens of servers. */
const LARGE_EVERY = 20;

/** How large the simulation of a seed is. */
export function sizeOf(seed: number): Size {
  if (seed % LARGE_EVERY === 0) return LARGE;
  return { servers: 3 + (seed % 3), rooms: 1 + (seed % 2), steps: 40 };
}

/** Runs the simulation of a seed: the same one does the same again. */
export async function simulate(
  seed: number,
  { plant = {}, size = sizeOf(seed) }: { plant?: Plant; size?: Size } = {},
): Promise<SimulationResult> {
  const world = await World.make(seed, size, plant);
  try {
    const scenario = new Scenario(world);
    const broken: string[] = [];
    try {
      await scenario.run(size);
      broken.push(...(await brokenInvariants(world, scenario.ledger)));
    } catch (error) {
      broken.push(String(error instanceof Error ? error.stack : error));
    }
    const { trace } = world.network;
    return {
      ...{ seed, size, broken, trace },
      digest: createHash('sha256').update(trace.join('\n')).digest('hex').slice(0, 16),
      events: scenario.ledger.events.length,
      messages: scenario.ledger.messages.length,
    };
  } finally {
    world.remove();
  }
}
