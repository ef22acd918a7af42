import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { ownPair, scriptedPair, type ServerPair } from './federation/pair.ts';
import { measurePairs } from './federation/run-federation.ts';
import { HELP, readOptions, type Options } from './options.ts';
import { pin, proportionalBytes, residentBytes } from './process-cpu.ts';
import { anyFailures, mebibytes, progressLine, reportTable, type Results, type Row } from './report.ts';
import type { Scenario } from './scenarios/scenario.ts';
import { ownServer } from './servers/own-server.ts';
import { runningServer } from './servers/running-server.ts';
import { scriptedServer } from './servers/scripted-server.ts';
import type { PasswordHash, Server } from './servers/server.ts';
import { Subject } from './subject.ts';

const SERVER_PROCESSOR = 0;
const GENERATOR_PROCESSOR = 1;

/** How long a server may take until it answers. */
const START_TIMEOUT_MS = 90_000;

/** How long a server is left alone before its idle memory is read. */
const SETTLE_MS = 20_000;
/** Long enough for a server to give back what it does not need when it is idle. */
const REST_MS = 45_000;

/** A server with what was found out about it. */
interface Candidate {
  readonly server: Server;
  readonly results: Results;
  subject: Subject;
  hash: PasswordHash;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) process.stdout.write(HELP);
  else if (options.federation) await benchmarkFederation(options);
  else await benchmark(options);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function benchmark(options: Options): Promise<void> {
  const processor = pinGenerator(options) ? SERVER_PROCESSOR : undefined;
  const servers = await serversOf(options, processor);
  const stopAll = () => Promise.all(servers.map((server) => server.dispose()));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void stopAll().then(() => process.exit(1)));
  try {
    const candidates: Candidate[] = [];
    for (const server of servers) candidates.push(await begin(server, options));
    // Scenario by scenario, so that a noisy minute on the machine meets all servers alike.
    for (const scenario of options.scenarios) {
      for (const candidate of candidates) await runScenario(scenario, candidate, options);
    }
    for (const candidate of candidates) reportMemory(candidate, 'after the run');
    await delay(REST_MS);
    for (const candidate of candidates) reportMemory(candidate, 'after a rest');
    const results = candidates.map((candidate) => candidate.results);
    process.stdout.write(`\n${reportTable(results)}\n`);
    if (options.jsonFile !== undefined)
      writeFileSync(options.jsonFile, `${JSON.stringify(results, null, 1)}\n`);
    if (anyFailures(results)) process.exitCode = 1;
    await Promise.all(candidates.map(({ subject }) => subject.client.close()));
  } finally {
    await stopAll();
  }
}

async function benchmarkFederation(options: Options): Promise<void> {
  const processor = pinGenerator(options) ? SERVER_PROCESSOR : undefined;
  const { peerCommand, federationScenarios, effort, jsonFile } = options;
  const pairs: ServerPair[] = [];
  const stopAll = () => Promise.all(pairs.map((pair) => pair.dispose()));
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void stopAll().then(() => process.exit(1)));
  try {
    pairs.push(await ownPair(processor));
    if (peerCommand !== undefined) pairs.push(scriptedPair(peerCommand, processor));
    const results = await measurePairs(pairs, federationScenarios, effort);
    process.stdout.write(`\n${reportTable(results)}\n`);
    if (jsonFile !== undefined) writeFileSync(jsonFile, `${JSON.stringify(results, null, 1)}\n`);
    if (anyFailures(results)) process.exitCode = 1;
  } finally {
    await stopAll();
  }
}

/** @returns whether generator and servers are to be kept apart, each on a processor of its own. */
function pinGenerator({ pin: wanted }: Options): boolean {
  if (!wanted) return false;
  const pinned = availableParallelism() > 1 && pin([process.pid], GENERATOR_PROCESSOR);
  if (!pinned) process.stderr.write('Not pinned: that takes two processors and taskset.\n');
  return pinned;
}

async function serversOf(options: Options, processor: number | undefined): Promise<readonly Server[]> {
  const { baseUrl, pids, databasePids, engine, peerCommand } = options;
  const own =
    baseUrl === undefined ? await ownServer(engine, processor) : runningServer(baseUrl, pids, databasePids);
  return peerCommand === undefined ? [own] : [own, scriptedServer(peerCommand, processor)];
}

async function begin(server: Server, options: Options): Promise<Candidate> {
  const results: Results = { server: { name: server.name, description: server.description }, rows: [] };
  const hash = options.scenarios[0]?.defaultHash === true ? 'default' : 'cheapest';
  const subject = subjectFor(server, results, options);
  const candidate: Candidate = { server, results, subject, hash };
  await server.start(hash);
  await untilItAnswers(candidate);
  if (server.restarts) await delay(SETTLE_MS);
  reportMemory(candidate, 'idle');
  return candidate;
}

function subjectFor(server: Server, results: Results, options: Options): Subject {
  return new Subject(server, options.effort, (row) => {
    results.rows.push(row);
    process.stderr.write(`${progressLine(server.name, row)}\n`);
  });
}

async function runScenario(scenario: Scenario, candidate: Candidate, options: Options): Promise<void> {
  const hash = scenario.defaultHash === true ? 'default' : 'cheapest';
  if (candidate.hash !== hash && candidate.server.restarts) await restart(candidate, hash, options);
  try {
    await scenario.run(candidate.subject);
  } catch (error) {
    const note = `could not be measured: ${error instanceof Error ? error.message : String(error)}`;
    candidate.subject.report({ scenario: scenario.name, operation: scenario.name, note });
    process.exitCode = 1;
  }
}

async function restart(candidate: Candidate, hash: PasswordHash, options: Options): Promise<void> {
  const { server, results } = candidate;
  await candidate.subject.client.close();
  await server.stop();
  await server.start(hash);
  candidate.hash = hash;
  candidate.subject = subjectFor(server, results, options);
  await untilItAnswers(candidate);
}

async function untilItAnswers({ server, subject }: Candidate): Promise<void> {
  const until = performance.now() + START_TIMEOUT_MS;
  while (!(await subject.client.answers())) {
    const ended = server.restarts && server.processes().length === 0;
    if (ended || performance.now() > until)
      throw new Error(`${server.name} does not answer. ${server.lastWords()}`);
    await delay(50);
  }
}

function reportMemory({ server, subject }: Candidate, when: string): void {
  const [pid] = server.processes();
  if (pid === undefined) return;
  const report = (row: Omit<Row, 'scenario'>) => subject.report({ scenario: 'memory', ...row });
  report({ operation: `resident memory, ${when}`, amount: mebibytes(residentBytes(pid)) });
  const database = server.databaseProcesses();
  if (database.length === 0) return;
  report({ operation: `memory of the database, ${when}`, amount: mebibytes(proportionalBytes(database)) });
}
