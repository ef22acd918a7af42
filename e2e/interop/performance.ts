import { knownGap } from './known-gaps.ts';
import type { Cell } from './results.ts';
import type { Outage, Scenario, Scene } from './scene.ts';
import type { InteropServer } from './server.ts';

/** Room versions of each time: the first, and those with which the rules changed most. */
const VERSIONS = ['1', '6', '10', '11', '12'];

/** What to look at; all of it where nothing is said. */
export interface Wishes {
  readonly version: string | undefined;
  /** Software of the server that makes the rooms. */
  readonly home: string | undefined;
  /** Part of a feature's name. */
  readonly feature: string | undefined;
}

type Outcome = Pick<Cell, 'result' | 'reason'>;

const WORKS: Outcome = { result: 'works', reason: '' };

/** Everything that is played between Myelin and one peer: each feature in both directions, in all room versions at a time. */
export class Performance {
  readonly #ours: InteropServer;
  readonly #theirs: InteropServer;
  readonly #wishes: Wishes;
  readonly #tell: (cells: readonly Cell[]) => void;
  readonly #cells: Cell[] = [];

  constructor(
    ours: InteropServer,
    theirs: InteropServer,
    wishes: Wishes,
    tell: (cells: readonly Cell[]) => void,
  ) {
    this.#ours = ours;
    this.#theirs = theirs;
    this.#wishes = wishes;
    this.#tell = tell;
  }

  async play(scenarios: readonly Scenario[], outages: readonly Outage[]): Promise<Cell[]> {
    const isWanted = ({ feature }: { feature: string }) => feature.includes(this.#wishes.feature ?? '');
    for (const scenario of scenarios.filter(isWanted)) {
      for (const scenes of this.#directions()) {
        const outcomes = scenes.map((scene) => this.#playOne(scenario, scene));
        this.#note(scenario.feature, scenes, await Promise.all(outcomes));
      }
    }
    for (const outage of outages.filter(isWanted))
      for (const scenes of this.#directions()) await this.#playOutage(outage, scenes);
    return this.#cells;
  }

  async #playOne({ feature, from = 0, run }: Scenario, scene: Scene): Promise<Outcome> {
    if (Number(scene.version) < from) return { result: 'not in this version', reason: '' };
    const gap = knownGap(this.#theirs.software, feature, scene);
    return gap === undefined ? outcomeOf(run(scene)) : { result: 'peer lacks it', reason: gap };
  }

  /** Rooms made here, then rooms made there; one scene for each room version that both know. */
  #directions(): Scene[][] {
    const { version: wanted, home: wantedHome } = this.#wishes;
    const versions = VERSIONS.filter((one) => this.#theirs.roomVersions.has(one) && one === (wanted ?? one));
    const pairs = [
      [this.#ours, this.#theirs],
      [this.#theirs, this.#ours],
    ] as const;
    return pairs
      .filter(([home]) => home.software === (wantedHome ?? home.software))
      .map(([home, away]) => versions.map((version) => ({ home, away, version })));
  }

  async #playOutage(outage: Outage, scenes: readonly Scene[]): Promise<void> {
    const [first] = scenes;
    if (!first) return;
    const begun = await Promise.allSettled(scenes.map((scene) => outage.begin(scene)));
    const acts = begun.map((one) =>
      one.status === 'fulfilled'
        ? one.value
        : { meanwhile: rejecting(one.reason), after: rejecting(one.reason) },
    );
    const server = first[outage.down];
    await server.stop();
    let meanwhile: Outcome[];
    try {
      meanwhile = await Promise.all(acts.map((act) => outcomeOf(act.meanwhile())));
    } finally {
      await server.start();
    }
    const after = await Promise.all(acts.map((act) => outcomeOf(act.after())));
    const outcomes = after.map((later, i) => (meanwhile[i]?.result === 'fails' ? meanwhile[i] : later));
    this.#note(outage.feature, scenes, outcomes);
  }

  #note(feature: string, scenes: readonly Scene[], outcomes: readonly Outcome[]): void {
    const peer = `${this.#theirs.software} ${this.#theirs.version}`;
    const cells = scenes.flatMap(({ home, version }, i) => {
      const outcome = outcomes[i];
      return outcome ? [{ peer, home: home.software, feature, roomVersion: version, ...outcome }] : [];
    });
    this.#cells.push(...cells);
    this.#tell(cells);
  }
}

async function outcomeOf(run: Promise<void>): Promise<Outcome> {
  try {
    await run;
    return WORKS;
  } catch (error) {
    return { result: 'fails', reason: error instanceof Error ? error.message : String(error) };
  }
}

function rejecting(reason: unknown): () => Promise<void> {
  return () => Promise.reject(reason instanceof Error ? reason : new Error(String(reason)));
}
