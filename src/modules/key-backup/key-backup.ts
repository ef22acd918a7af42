import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as keyBackupStore from '../../storage/encryption/key-backup-store.ts';
import type { BackupKeyRow, BackupVersionRow } from '../../storage/encryption/key-backup-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** A backup as clients see it. */
export interface BackupInfo extends JsonObject {
  version: string;
  algorithm: string;
  auth_data: JsonObject;
  etag: string;
  count: number;
}

/** The key of one session, encrypted for the backup. */
export interface SessionKey extends JsonObject {
  first_message_index: number;
  forwarded_count: number;
  is_verified: boolean;
  session_data: JsonObject;
}

/** A session key with its place. */
export interface PlacedKey {
  readonly room: string;
  readonly session: string;
  readonly key: SessionKey;
}

const PAGE = 1_000;
/** How often a write is decided again because another device wrote meanwhile. */
const TRIES = 20;

/** Encrypted copies of keys, kept for the user (Client-Server API, "Server-side key backups"). */
export class KeyBackup {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Makes a backup, which is the current one from now on. Gives its version. */
  async create(userId: UserId, algorithm: string, authData: JsonObject): Promise<string> {
    return this.#retried(async () => {
      const version = (await keyBackupStore.newestVersion(this.#database, userId)) + 1;
      const unit = new UnitOfWork();
      keyBackupStore.addVersion(unit, userId, { version, algorithm, authData: JSON.stringify(authData) });
      await this.#database.commit(unit);
      return String(version);
    });
  }

  /** The current backup, or the one of a version. 404 when there is none. */
  async info(userId: UserId, version: string | undefined): Promise<BackupInfo> {
    const row = await this.#version(userId, version);
    return {
      version: String(row.version),
      algorithm: row.algorithm,
      auth_data: JSON.parse(row.auth_data) as JsonObject,
      etag: String(row.etag),
      count: row.count,
    };
  }

  /** Sets the `auth_data` of a version. 404 for an unknown one, 400 for another algorithm. */
  async update(userId: UserId, version: string, algorithm: string, authData: JsonObject): Promise<void> {
    const row = await this.#version(userId, version);
    if (row.algorithm !== algorithm) throw invalidParam(`The algorithm of this backup is ${row.algorithm}`);
    const unit = new UnitOfWork();
    keyBackupStore.putAuthData(unit, userId, row.version, JSON.stringify(authData));
    await this.#committed(unit);
  }

  /** Deletes a version with its keys; one that was deleted before stays so. 404 for one that never was. */
  async remove(userId: UserId, version: string): Promise<void> {
    const unit = new UnitOfWork();
    keyBackupStore.removeVersion(unit, userId, numberOf(version));
    await this.#committed(unit, `You never had a backup of version ${version}`);
  }

  /**
   * Keeps keys; of a session that has one already, the better one.
   *
   * @throws MatrixError 403 M_WRONG_ROOM_KEYS_VERSION when the version is not the current one, 404 without a backup.
   */
  async put(
    userId: UserId,
    version: string,
    keys: readonly PlacedKey[],
  ): Promise<{ etag: string; count: number }> {
    return this.#retried(async () => {
      const row = await this.#current(userId, version);
      const unit = new UnitOfWork();
      let [added, changed] = [0, 0];
      for (const placed of new Map(keys.map((one) => [`${one.room}\0${one.session}`, one])).values()) {
        const known = await keyBackupStore.key(this.#database, userId, row.version, placed);
        const next = rowOf(placed);
        if (known && !isBetter(next, known)) continue;
        if (!known) added += 1;
        changed += 1;
        keyBackupStore.putKey(unit, userId, row.version, next);
      }
      return this.#step(userId, row, unit, { added, changed });
    });
  }

  /** Keys of a version: all, those of a room. Give a session to have just that one. */
  async *keys(userId: UserId, version: string, room: RoomId | undefined): AsyncGenerator<PlacedKey> {
    const row = await this.#version(userId, version);
    for (let [afterRoom, afterSession] = ['', '']; ;) {
      const from = { room, afterRoom, afterSession, limit: PAGE };
      const rows = await keyBackupStore.page(this.#database, userId, row.version, from);
      for (const found of rows) yield placedOf(found);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      [afterRoom, afterSession] = [last.room_id, last.session_id];
    }
  }

  /** The key of one session. 404 when there is none. */
  async key(userId: UserId, version: string, room: string, session: string): Promise<SessionKey> {
    const row = await this.#version(userId, version);
    const found = await keyBackupStore.key(this.#database, userId, row.version, { room, session });
    if (!found) throw notFound('The backup has no key of this session');
    return placedOf(found).key;
  }

  /** Deletes keys of a version: all, those of a room, or that of a session. 404 for an unknown version. */
  async removeKeys(
    userId: UserId,
    version: string,
    which: { room?: string | undefined; session?: string | undefined },
  ): Promise<{ etag: string; count: number }> {
    return this.#retried(async () => {
      const row = await this.#version(userId, version);
      const { room, session } = which;
      let removed: number;
      if (room !== undefined && session !== undefined) {
        removed = (await keyBackupStore.key(this.#database, userId, row.version, { room, session })) ? 1 : 0;
      } else removed = await keyBackupStore.count(this.#database, userId, row.version, room);
      const unit = new UnitOfWork();
      keyBackupStore.removeKeys(unit, userId, row.version, which);
      return this.#step(userId, row, unit, { added: -removed, changed: removed });
    });
  }

  /** Commits changes of keys; the version's etag moves on when there are any. */
  async #step(
    userId: UserId,
    row: BackupVersionRow,
    unit: UnitOfWork,
    { added, changed }: { added: number; changed: number },
  ): Promise<{ etag: string; count: number }> {
    if (changed === 0) return { etag: String(row.etag), count: row.count };
    keyBackupStore.advance(unit, userId, row, added);
    await this.#database.commit(unit);
    return { etag: String(row.etag + 1), count: row.count + added };
  }

  async #version(userId: UserId, version: string | undefined): Promise<BackupVersionRow> {
    const number = version === undefined ? undefined : numberOf(version);
    const row = await keyBackupStore.version(this.#database, userId, number);
    if (!row)
      throw notFound(
        version === undefined ? 'You have no backup' : `You have no backup of version ${version}`,
      );
    return row;
  }

  async #current(userId: UserId, version: string): Promise<BackupVersionRow> {
    const row = await this.#version(userId, undefined);
    if (String(row.version) === version) return row;
    throw new MatrixError(
      403,
      'M_WRONG_ROOM_KEYS_VERSION',
      `The current backup has the version ${row.version}`,
      {
        current_version: String(row.version),
      },
    );
  }

  async #committed(unit: UnitOfWork, ifRefused = 'This backup was deleted just now'): Promise<void> {
    await commitOrRefuse(this.#database, unit, () => notFound(ifRefused));
  }

  async #retried<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (let left = TRIES; ; left--) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof GuardFailed) || left <= 0) throw error;
      }
    }
  }
}

/** The number of a version; 0, which none has, for what is no version. */
function numberOf(version: string): number {
  return /^[1-9]\d{0,14}$/.test(version) ? Number(version) : 0;
}

/** Which of two keys of a session is kept: verified, then from an earlier message, then forwarded less often. */
function isBetter(next: BackupKeyRow, known: BackupKeyRow): boolean {
  if (next.is_verified !== known.is_verified) return next.is_verified > known.is_verified;
  if (next.first_message_index !== known.first_message_index) {
    return next.first_message_index < known.first_message_index;
  }
  return next.forwarded_count < known.forwarded_count;
}

function rowOf({ room, session, key }: PlacedKey): BackupKeyRow {
  return {
    room_id: room,
    session_id: session,
    first_message_index: key.first_message_index,
    forwarded_count: key.forwarded_count,
    is_verified: key.is_verified ? 1 : 0,
    session_data: JSON.stringify(key.session_data),
  };
}

function placedOf(row: BackupKeyRow): PlacedKey {
  return {
    room: row.room_id,
    session: row.session_id,
    key: {
      first_message_index: row.first_message_index,
      forwarded_count: row.forwarded_count,
      is_verified: row.is_verified !== 0,
      session_data: JSON.parse(row.session_data) as JsonObject,
    },
  };
}
