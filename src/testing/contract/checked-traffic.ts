import { Contract } from './contract.ts';
import { ExercisedEndpoints } from './exercised.ts';
import { readSpecification } from './specification.ts';
import { watchTraffic } from './traffic.ts';

/** From the first import on, what servers of this process answer is checked. What was wrong waits here to be told. */
const breaches = new Set<string>();

const specification = readSpecification();
const contract = specification && new Contract(specification);
const folder = process.env.MYELIN_EXERCISED;
const exercised = folder === undefined ? undefined : new ExercisedEndpoints(folder);

watchTraffic(
  (url) => /^\/(?:_matrix\/|\.well-known\/matrix\/|oauth2\/|account\b)/.test(url),
  (exchange) => {
    exercised?.note(exchange);
    for (const breach of contract?.breaches(exchange) ?? []) breaches.add(breach);
  },
);

/**
 * Tells what was asked or answered against the specification since the last call.
 *
 * @throws Error with a line for each breach.
 */
export function assertContractKept(): void {
  if (breaches.size === 0) return;
  throw new Error(`Against the schemas of the specification:\n${takeBreaches().join('\n')}`);
}

/** What was asked or answered against the specification since the last call, for one who means to or begins anew. */
export function takeBreaches(): string[] {
  const taken = [...breaches];
  breaches.clear();
  return taken;
}
