import { parseArgs } from 'node:util';

/** What to simulate. */
export interface SimulationArguments {
  /** The first seed. */
  readonly first: number;
  /** How many seeds from there on. */
  readonly count: number;
  /** Whether it is one seed, whose trace is to be printed. */
  readonly isOne: boolean;
  /** A bug that is to be found; undefined for none. */
  readonly plant: string | undefined;
  /** Minutes after which no further seed is begun; undefined for any number. */
  readonly minutes: number | undefined;
}

/**
 * Reads the arguments of the simulation.
 *
 * @param plants the bugs that there are.
 * @throws Error naming the argument that is wrong, and what is allowed.
 */
export function simulationArguments(argv: readonly string[], plants: readonly string[]): SimulationArguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seeds: { type: 'string', default: '20' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      plant: { type: 'string' },
      minutes: { type: 'string' },
    },
  });
  const { seed, plant, minutes } = values;
  if (plant !== undefined && !plants.includes(plant)) {
    throw new Error(`--plant must be one of ${plants.join(', ')}, not "${plant}"`);
  }
  return {
    first: seed === undefined ? whole('from', values.from, 0) : whole('seed', seed, 0),
    count: seed === undefined ? whole('seeds', values.seeds, 1) : 1,
    isOne: seed !== undefined,
    plant,
    minutes: minutes === undefined ? undefined : above('minutes', minutes),
  };
}

function whole(name: string, text: string, least: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && Number.isSafeInteger(number)) return number;
  throw new Error(`--${name} must be a whole number from ${least} on, not "${text}"`);
}

function above(name: string, text: string): number {
  const number = Number(text);
  if (number > 0 && number < Infinity) return number;
  throw new Error(`--${name} must be a number above 0, not "${text}"`);
}
