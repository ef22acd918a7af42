import { parseArgs } from 'node:util';
import { FULL, QUICK, type Effort } from './effort.ts';
import type { FederationScenario } from './federation/federation-scenario.ts';
import { FEDERATION_SCENARIOS } from './federation/run-federation.ts';
import { SCENARIOS } from './scenarios/index.ts';
import type { Scenario } from './scenarios/scenario.ts';
import type { Engine } from './servers/own-server.ts';

export const HELP = `Measures this server, or another, through its client API; see bench/README.md.

  federation            two servers of each kind beside each other, and what is between them, instead of the scenarios
  --only NAMES          scenarios, parted by commas: ${SCENARIOS.map(({ name }) => name).join(', ')};
                        of federation: ${FEDERATION_SCENARIOS.map(({ name }) => name).join(', ')}
  --quick               seconds instead of minutes; figures too rough to report
  --engine ENGINE       sqlite (default) or postgres
  --url URL             of an empty PostgreSQL database, for --engine postgres
  --peer-command CMD    a peer's start script, to measure another server beside this one
  --base-url URL        measure a server that runs already instead of starting one
  --pids PIDS           its processes, parted by commas; without them there are no processor times
  --db-pids PIDS        those of its database
  --json FILE           also write all figures to a file
  --no-pin              leave server and load generator on any processor
  --help
`;

export interface Options {
  readonly help: boolean;
  /** Whether two servers of each kind are measured together. */
  readonly federation: boolean;
  readonly scenarios: readonly Scenario[];
  /** Those between two servers. */
  readonly federationScenarios: readonly FederationScenario[];
  readonly effort: Effort;
  readonly engine: Engine;
  readonly peerCommand: string | undefined;
  readonly baseUrl: string | undefined;
  readonly pids: readonly number[];
  readonly databasePids: readonly number[];
  readonly jsonFile: string | undefined;
  readonly pin: boolean;
}

/** @throws Error saying which argument is wrong and what is allowed. */
export function readOptions(argv: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      engine: { type: 'string', default: 'sqlite' },
      url: { type: 'string' },
      'peer-command': { type: 'string' },
      'base-url': { type: 'string' },
      pids: { type: 'string', default: '' },
      'db-pids': { type: 'string', default: '' },
      json: { type: 'string' },
      'no-pin': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const unknown = positionals.find((word) => word !== 'federation');
  if (unknown !== undefined) throw new Error(`There is no "${unknown}"; there is "federation"`);
  return {
    help: values.help,
    federation: positionals.length > 0,
    scenarios: positionals.length > 0 ? [] : named(SCENARIOS, values.only),
    federationScenarios: positionals.length > 0 ? named(FEDERATION_SCENARIOS, values.only) : [],
    effort: values.quick ? QUICK : FULL,
    engine: engineOf(values.engine, values.url),
    peerCommand: values['peer-command'],
    baseUrl: values['base-url'],
    pids: numbers('--pids', values.pids),
    databasePids: numbers('--db-pids', values['db-pids']),
    jsonFile: values.json,
    pin: !values['no-pin'],
  };
}

function named<One extends { readonly name: string }>(
  all: readonly One[],
  names: string | undefined,
): readonly One[] {
  if (names === undefined) return all;
  const wanted = names.split(',');
  const unknown = wanted.find((name) => !all.some((scenario) => scenario.name === name));
  if (unknown !== undefined) {
    throw new Error(`--only: there is no "${unknown}"; there are ${all.map(({ name }) => name).join(', ')}`);
  }
  return all.filter(({ name }) => wanted.includes(name));
}

function engineOf(name: string, url: string | undefined): Engine {
  if (name === 'sqlite') return { name };
  if (name !== 'postgres') throw new Error(`--engine: must be sqlite or postgres, not "${name}"`);
  if (url === undefined) throw new Error('--engine postgres needs --url, the address of an empty database');
  return { name, url };
}

function numbers(option: string, text: string): readonly number[] {
  return text
    .split(',')
    .filter((word) => word !== '')
    .map((word) => {
      if (!/^[1-9]\d*$/.test(word))
        throw new Error(`${option}: must be process ids parted by commas, not "${word}"`);
      return Number(word);
    });
}
