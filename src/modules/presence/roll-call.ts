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
/** The same, where they are asked for some users. Who is named too late is told of as offline for a moment. */
const ANSWER_FOR_SOME_MS = 1_000;

/** Who is at this process. */
interface Here {
  all(): readonly UserId[];
  /** Whether somebody is here who has left another process. */
  stays(userId: UserId): boolean;
}

/**
 * Asks all processes who is at them. A process that died took nobody off the list: those whom no process names are not
 * there any more.
 */
export class RollCall {
  readonly #database: Database;
  readonly #timers: Timers;
  readonly #here: Here;
  /** Who was named since this process asked; each question has its own. */
  readonly #asked = new Set<Set<UserId>>();

  constructor(database: Database, timers: Timers, here: Here) {
    this.#database = database;
    this.#timers = timers;
    this.#here = here;
  }

  /** Everybody who is at some process. */
  async ask(): Promise<ReadonlySet<UserId>> {
    if (this.#database.engine === 'sqlite') return new Set(this.#here.all());
    const named = await this.#ask([{ rollCall: true }], ANSWER_MS);
    for (const userId of this.#here.all()) named.add(userId);
    return named;
  }

  /** Those of some users who are at another process. */
  async askFor(users: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    if (this.#database.engine === 'sqlite') return new Set();
    const questions = inParts(users, NAMES).map((leaving) => ({ leaving }));
    return this.#ask(questions, ANSWER_FOR_SOME_MS);
  }

  async #ask(questions: Iterable<JsonObject>, waitMs: number): Promise<Set<UserId>> {
    const named = new Set<UserId>();
    this.#asked.add(named);
    try {
      for (const question of questions) await this.#tell(question);
      await pause(this.#timers, waitMs);
    } finally {
      this.#asked.delete(named);
    }
    return named;
  }

  /** Answers what others ask, and hears what they answer. Gives whether the change was about that. */
  hear(change: Change): boolean {
    const { rollCall, leaving, named } = change.data as JsonObject;
    if (!change.isOwn) {
      if (rollCall === true) this.#answer(this.#here.all());
      if (Array.isArray(leaving))
        this.#answer((leaving as UserId[]).filter((userId) => this.#here.stays(userId)));
      if (Array.isArray(named))
        for (const all of this.#asked) for (const userId of named) all.add(userId as UserId);
    }
    return rollCall !== undefined || leaving !== undefined || named !== undefined;
  }

  #answer(users: readonly UserId[]): void {
    const tellAll = async () => {
      for (const named of inParts(users, NAMES)) await this.#tell({ named });
    };
    void tellAll().catch(() => undefined);
  }

  async #tell(data: JsonObject): Promise<void> {
    const unit = new UnitOfWork();
    unit.announce({ topic: 'presence', position: unit.position(), data });
    await this.#database.commit(unit);
  }
}
