import { dendrite } from './dendrite-server.ts';
import { launchMyelin } from './myelin-server.ts';
import { interopTables, keepResults, type Cell } from './results.ts';
import { Performance, type Wishes } from './performance.ts';
import { directory } from './scenarios/directory.ts';
import { encryption } from './scenarios/encryption.ts';
import { ephemeral } from './scenarios/ephemeral.ts';
import { history } from './scenarios/history.ts';
import { media } from './scenarios/media.ts';
import { membership } from './scenarios/membership.ts';
import { messages } from './scenarios/messages.ts';
import { outages } from './scenarios/outages.ts';
import type { Peer } from './server.ts';
import { Neighbourhood } from './surroundings.ts';
import { synapse } from './synapse-server.ts';

/**
 * Runs Myelin beside other homeservers, over TLS on loopback, and writes docs/interop.tsv: what works between them, in rooms
 * made on either side, in several room versions. Ends with 1 when something does not.
 *
 * Usage: npm run test:interop -- [--peer Synapse] [--version 12] [--home Myelin] [--feature knock] [--keep]
 *
 * Synapse is installed with `python3 -m venv`, Dendrite is built with `go`; where those cannot be had, the peer is left out.
 * `--keep` leaves data and logs of the servers where they are.
 */

const PEERS = [synapse, dendrite];
const SCENARIOS = [...[membership, messages, ephemeral, encryption, media, directory, history].flat()];

function wished(name: string): string | undefined {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? undefined : process.argv[at + 1];
}

const wishes: Wishes = {
  version: wished('version'),
  home: wished('home'),
  feature: wished('feature'),
};
const keep = process.argv.includes('--keep');
const say = (text: string) => void process.stderr.write(`${text}\n`);

/** What was found is kept at once: a run may be broken off. */
function tell(cells: readonly Cell[]): void {
  keepResults(cells);
  for (const { result, feature, home, roomVersion, reason } of cells)
    say(`${result}: ${feature}, room of ${home}, version ${roomVersion} ${reason}`);
}

async function beside(peer: Peer): Promise<Cell[]> {
  try {
    await peer.install();
  } catch (error) {
    say(`${peer.software} cannot be had here: ${String(error)}`);
    return [];
  }
  const neighbourhood = new Neighbourhood();
  say(`${peer.software}: data and logs are in ${neighbourhood.folder}`);
  const ours = await launchMyelin(await neighbourhood.place('myelin'));
  try {
    const theirs = await peer.launch(await neighbourhood.place('peer'));
    try {
      return await new Performance(ours, theirs, wishes, tell).play(SCENARIOS, outages);
    } finally {
      await theirs.stop();
    }
  } finally {
    await ours.stop();
    if (!keep) neighbourhood.remove();
  }
}

// A signal would end this process without its servers.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const found: Cell[] = [];
for (const peer of PEERS) {
  if (wished('peer') !== undefined && wished('peer') !== peer.software) continue;
  found.push(...(await beside(peer)));
}
process.stdout.write(interopTables(found));
const failed = found.filter(({ result }) => result === 'fails').length;
say(`${found.filter(({ result }) => result === 'works').length} work, ${failed} fail`);
process.exit(failed > 0 || found.length === 0 ? 1 : 0);
