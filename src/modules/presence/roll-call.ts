import { pause, type Timers } from '../../platform/timers.ts';
import { inParts } from '../../platform/list-parts.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Change, Database } from '../../storage/database.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** Names that fit into one change. */
const NAMES = 12;
/** How long the other processes have to answer, in milliseconds. */
const ANSWER_MS = 5_000;

/**
 * Asks all processes who is at them. A process that died took nobody off the list: those whom no process names are not
 * there any more.
 */
export class RollCall {
  readonly #database: Database;
  readonly #timers: Timers;
  readonly #here: () => readonly UserId[];
  #named: Set<UserId> | undefined;

  constructor(database: Database, timers: Timers, here: () => readonly UserId[]) {
    this.#database = database;
    this.#timers = timers;
    this.#here = here;
  }

  /** Everybody who is at some process. */
  async ask(): Promise<ReadonlySet<UserId>> {
    if (this.#database.engine === 'sqlite') return new Set(this.#here());
    const named = new Set(this.#here());
    this.#named = named;
    await this.#tell({ rollCall: true });
    await pause(this.#timers, ANSWER_MS);
    this.#named = undefined;
    for (const userId of this.#here()) named.add(userId);
    return named;
  }

  /** Answers what others ask, and hears what they answer. Gives whether the change was about that. */
  hear(change: Change): boolean {
    const { rollCall, named } = change.data as JsonObject;
    if (rollCall === true && change.local === undefined) void this.#answer().catch(() => undefined);
    if (Array.isArray(named)) for (const userId of named) this.#named?.add(userId as UserId);
    return rollCall !== undefined || named !== undefined;
  }

  async #answer(): Promise<void> {
    for (const named of inParts(this.#here(), NAMES)) await this.#tell({ named });
  }

  async #tell(data: JsonObject): Promise<void> {
    const unit = new UnitOfWork();
    unit.announce({ topic: 'presence', position: unit.position(), data, local: true });
    await this.#database.commit(unit);
  }
}
