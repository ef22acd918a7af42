import { setTimeout as delay } from 'node:timers/promises';
import type { Effort } from '../effort.ts';
import type { Results } from '../report.ts';
import { progressLine } from '../report.ts';
import { Subject } from '../subject.ts';
import type { FederationScenario, PairSubject } from './federation-scenario.ts';
import { furtherJoin, largeJoin, smallJoin } from './joins.ts';
import { flood, latency } from './messages.ts';
import { together, type ServerPair } from './pair.ts';
import { receiving } from './receiving.ts';

const START_TIMEOUT_MS = 90_000;

/** In the order in which they run. */
export const FEDERATION_SCENARIOS: readonly FederationScenario[] = [
  smallJoin,
  furtherJoin,
  latency,
  flood,
  receiving,
  largeJoin,
];

/** Measures pairs of servers, scenario by scenario in turn. */
export async function measurePairs(
  pairs: readonly ServerPair[],
  scenarios: readonly FederationScenario[],
  effort: Effort,
): Promise<Results[]> {
  const subjects: { subject: PairSubject; results: Results }[] = [];
  for (const pair of pairs) subjects.push(await begin(pair, effort));
  for (const scenario of scenarios) {
    for (const { subject } of subjects) await run(scenario, subject);
  }
  for (const { subject } of subjects) {
    await Promise.all([subject.both.client.close(), subject.other.client.close()]);
  }
  return subjects.map(({ results }) => results);
}

async function begin(pair: ServerPair, effort: Effort): Promise<{ subject: PairSubject; results: Results }> {
  const server = together(pair);
  const results: Results = { server, rows: [] };
  const report = (row: Results['rows'][number]) => {
    results.rows.push(row);
    process.stderr.write(`${progressLine(server.name, row)}\n`);
  };
  const both = new Subject(server, effort, report);
  const other = new Subject(pair.b, effort, report);
  await server.start('cheapest');
  for (const one of [both, other]) await untilItAnswers(one);
  return { subject: { both, other, authority: pair.authority }, results };
}

async function untilItAnswers({ client, server }: Subject): Promise<void> {
  const until = performance.now() + START_TIMEOUT_MS;
  while (!(await client.answers())) {
    if (server.processes().length === 0 || performance.now() > until) {
      throw new Error(`${server.name} does not answer. ${server.lastWords()}`);
    }
    await delay(50);
  }
}

async function run(scenario: FederationScenario, subject: PairSubject): Promise<void> {
  try {
    await scenario.run(subject);
  } catch (error) {
    const note = `could not be measured: ${error instanceof Error ? error.message : String(error)}`;
    subject.both.report({ scenario: scenario.name, operation: scenario.name, note });
    process.exitCode = 1;
  }
}
