import type { ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonValue } from '../../protocol/json.ts';
import type { Database, Writer } from '../../storage/database.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';
import type { WireEdu } from './volatile-edus.ts';

/** Ephemeral data for one server that must not be lost: it is in the database until the server has taken it. */
export class StoredEdus {
  readonly #server: ServerName;
  readonly #database: Database;
  readonly #onProblem: (error: unknown) => void;
  #mayBeThere = true;
  #taken = 0;

  /** @param onProblem - Is told of what cannot be sent to anybody, and is left out. */
  constructor(server: ServerName, database: Database, onProblem: (error: unknown) => void) {
    this.#server = server;
    this.#database = database;
    this.#onProblem = onProblem;
  }

  /** The position up to which the server has taken them. */
  get taken(): number {
    return this.#taken;
  }

  /** Whether it is certain that there are none. */
  get isEmpty(): boolean {
    return !this.#mayBeThere;
  }

  /** Some were added, or have to be sent again: the database is asked. */
  readAgain(): void {
    this.#mayBeThere = true;
  }

  /** Finds out whether there are any, of whichever process. */
  async look(): Promise<void> {
    this.#mayBeThere = false;
    if ((await outgoingStore.edus(this.#database, this.#server, 0, 1)).length > 0) this.#mayBeThere = true;
  }

  /** The first that the server has not taken, at most `limit`, and the position of the last of them. */
  async next(limit: number): Promise<{ edus: WireEdu[]; upTo: number | undefined }> {
    while (this.#mayBeThere) {
      // Before the database is asked: what is added meanwhile may not be in its answer.
      this.#mayBeThere = false;
      const stored = await outgoingStore.edus(this.#database, this.#server, this.#taken, limit);
      if (stored.length === limit) this.#mayBeThere = true;
      const edus = stored.flatMap((row) => this.#read(row));
      const upTo = stored.at(-1)?.position;
      if (edus.length > 0 || upTo === undefined) return { edus, upTo };
      this.noteTaken(upTo);
    }
    return { edus: [], upTo: undefined };
  }

  /** What one row says; nothing where it is no JSON object, which would hold up all that comes after it for ever. */
  #read({ position, type, content }: outgoingStore.OutgoingEduRow): WireEdu[] {
    try {
      const parsed = JSON.parse(content) as JsonValue;
      if (isJsonObject(parsed)) return [{ edu_type: type, content: parsed }];
      throw new SyntaxError('It is no JSON object');
    } catch (cause) {
      const what = `${type} for ${this.#server} at position ${position}`;
      this.#onProblem(new Error(`Left out what cannot be read: ${what}`, { cause }));
      return [];
    }
  }

  /** The server has taken them up to a position. */
  noteTaken(upTo: number): void {
    this.#taken = Math.max(this.#taken, upTo);
  }

  /** Removes what the server has taken. */
  removeTaken(writer: Writer): void {
    if (this.#taken > 0) outgoingStore.removeEdus(writer, this.#server, this.#taken);
  }
}
