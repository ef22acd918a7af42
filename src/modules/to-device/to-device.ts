import { hash } from 'node:crypto';
import type { EduExchange } from '../../federation/edu-exchange.ts';
import { boundedCache } from '../../platform/bounded-cache.ts';
import type { DeviceId, ServerName, UserId } from '../../protocol/identifiers.ts';
import { serverNameOf } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as toDeviceStore from '../../storage/encryption/to-device-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { Session } from '../../wire/session.ts';
import type { AccountSections, SyncPart, SyncRequest } from '../sync-part.ts';

/** Messages by user and device; the device `*` stands for those of the user's that are not named beside it. */
export type MessagesByDevice = ReadonlyMap<UserId, Readonly<Record<string, JsonObject>>>;

/** Messages that one sync hands out at most. */
const MOST_AT_ONCE = 100;
/** Transactions are remembered for this many positions of the log. */
const REMEMBERED = 1_000_000;
const FORGET_EVERY = 1_000;
const DEVICES = 50_000;
/** Of the key of a message, what its ID on other servers is made of: 32 characters, the most that it may have. */
const ID_BYTES = 24;

/**
 * Messages from device to device (Client-Server API, "Send-to-Device messaging"). A message is kept until its device
 * asks for what came after it: then the device has it.
 */
export class ToDevice implements SyncPart {
  readonly #database: Database;
  readonly #serverName: ServerName;
  readonly #exchange: EduExchange;
  readonly #onNotKept: (error: unknown) => void;
  /** Position up to which nothing is kept any more, of devices that synced here lately. */
  readonly #cleared = boundedCache<string, number>(DEVICES);
  /** Position of the newest message for anyone of a user's devices, as far as it came by and is remembered. */
  readonly #newest = boundedCache<UserId, number>(DEVICES, undefined, (position) => {
    this.#newestForgotten = Math.max(this.#newestForgotten, position);
  });
  /** Position of the newest message that is not remembered: it may have been for anybody. */
  #newestForgotten = 0;
  #sends = 0;

  constructor(
    database: Database,
    serverName: ServerName,
    exchange: EduExchange,
    onNotKept: (error: unknown) => void,
  ) {
    this.#database = database;
    this.#serverName = serverName;
    this.#exchange = exchange;
    this.#onNotKept = onNotKept;
    database.subscribe((changes) => {
      for (const change of changes) {
        if (change.topic === 'reset') this.#cleared.clear();
        if (change.topic !== 'to-device') continue;
        for (const userId of change.users) this.#newest.set(userId, change.position);
      }
    });
  }

  /** Sends messages of one type. The same transaction of a device again changes nothing. */
  async send(session: Session, type: string, txnId: string, messages: MessagesByDevice): Promise<void> {
    const { userId, deviceId = '', deviceMadeAt } = session;
    const scope = [userId, deviceId, String(deviceMadeAt), type, txnId].map(
      (part) => `${part.length} ${part}`,
    );
    const key = hash('sha256', scope.join(''), 'buffer');
    await this.deliver({ sender: userId, type, key }, messages);
  }

  /**
   * Puts messages into the queues of devices here, and on the way to those of other servers. What has the same key as an
   * earlier message changes nothing.
   */
  async deliver(
    message: { sender: UserId; type: string; key: Buffer },
    messages: MessagesByDevice,
  ): Promise<void> {
    const { sender, type, key } = message;
    const unit = new UnitOfWork();
    const position = unit.position();
    toDeviceStore.claimTransaction(unit, key, position);
    const users: UserId[] = [];
    const elsewhere = new Map<ServerName, JsonObject>();
    for (const [userId, devices] of messages) {
      const server = serverNameOf(userId);
      if (server !== this.#serverName) {
        elsewhere.set(server, { ...elsewhere.get(server), [userId]: { ...devices } });
        continue;
      }
      users.push(userId);
      const { '*': forOthers, ...named } = devices;
      const textOf = (content: JsonObject) => JSON.stringify({ type, sender, content });
      for (const [deviceId, content] of Object.entries(named)) {
        toDeviceStore.add(unit, userId, deviceId, textOf(content), position);
      }
      if (forOthers) toDeviceStore.addForOthers(unit, userId, textOf(forOthers), position);
    }
    const messageId = key.subarray(0, ID_BYTES).toString('base64url');
    for (const [server, ofServer] of elsewhere) {
      const edu = { sender, type, message_id: messageId, messages: ofServer };
      this.#exchange.store(unit, [server], 'm.direct_to_device', edu);
    }
    this.#sends += 1;
    if (this.#sends % FORGET_EVERY === 0) {
      toDeviceStore.forgetTransactions(unit, this.#database.position() - REMEMBERED);
    }
    unit.announce({ topic: 'to-device', position, users });
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
    }
  }

  /**
   * Messages that wait for a device, oldest first, and the position of the last if there are more.
   *
   * @param range.limit the most messages; 100 if left out, or if more.
   */
  async waiting(
    userId: UserId,
    deviceId: DeviceId,
    range: { after: number; upTo: number; limit?: number },
  ): Promise<{ messages: string[]; upTo: number | undefined }> {
    const limit = Math.min(range.limit ?? MOST_AT_ONCE, MOST_AT_ONCE);
    const rows = await toDeviceStore.between(this.#database, userId, deviceId, {
      ...range,
      limit: limit + 1,
    });
    const given = rows.slice(0, limit);
    const upTo = rows.length > limit ? given.at(-1)?.position : undefined;
    return { messages: given.map((row) => row.message), upTo };
  }

  /**
   * Deletes what the device has. Costs nothing when there was no message since the last time. Where nothing can be
   * written, it is left for the next time: the device has no need of that.
   */
  async received(
    { userId, deviceId }: { userId: UserId; deviceId: DeviceId | undefined },
    upTo: number,
  ): Promise<void> {
    if (deviceId === undefined) return;
    const key = `${userId} ${deviceId}`;
    const cleared = this.#cleared.get(key);
    const newest = this.#newest.get(userId) ?? this.#newestForgotten;
    if (cleared !== undefined && (cleared >= upTo || newest <= cleared)) return;
    if (await toDeviceStore.hasUpTo(this.#database, userId, deviceId, upTo)) {
      const unit = new UnitOfWork();
      toDeviceStore.removeUpTo(unit, userId, deviceId, upTo);
      try {
        await this.#database.commit(unit);
      } catch (error) {
        return this.#onNotKept(error);
      }
    }
    this.#cleared.set(key, upTo);
  }

  async account(request: SyncRequest): Promise<AccountSections | undefined> {
    const { userId, deviceId, upTo } = request;
    if (deviceId === undefined) return undefined;
    const after = request.toDeviceSince ?? 0;
    const isBehind = request.since === undefined || after < request.since;
    if (!isBehind && !request.recent.userChangedSince(userId, after, 'to-device')) return undefined;
    const { messages, upTo: last } = await this.waiting(userId, deviceId, { after, upTo });
    if (messages.length === 0) return undefined;
    return { toDevice: messages, ...(last === undefined ? {} : { toDeviceUpTo: last }) };
  }
}
