import { unknownToken } from '../../accounts/token-issuing.ts';
import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import type { PusherName, PusherToSet } from '../../protocol/push/parse-pusher.ts';
import * as devicesStore from '../../storage/accounts/devices-store.ts';
import type { Database, Writer } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as pushersStore from '../../storage/push/pushers-store.ts';
import type { PusherRow } from '../../storage/push/pushers-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** As many as the store lists. */
const MOST_OF_USER = 100;

/** Where users want to be told of events (Client-Server API, "Push Notifications": pushers). */
export class Pushers {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  readonly #ownsEmail: (userId: UserId, address: string) => Promise<boolean>;
  readonly #sendsMail: boolean;

  constructor(needs: {
    database: Database;
    clock: { now(): number };
    opaque: (length: number) => string;
    /** Whether an address is proven to be the user's. */
    ownsEmail: (userId: UserId, address: string) => Promise<boolean>;
    sendsMail: boolean;
  }) {
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
    this.#ownsEmail = needs.ownsEmail;
    this.#sendsMail = needs.sendsMail;
  }

  /** The user's pushers, as clients get them. */
  async list(userId: UserId): Promise<JsonObject[]> {
    return (await pushersStore.ofUser(this.#database, userId)).map(forClient);
  }

  /**
   * Sets a pusher; unless it is to be appended, those of others with its name end.
   *
   * @throws MatrixError 400 M_INVALID_PARAM for too many pushers, or mail that this server does not send; 400
   *   M_THREEPID_NOT_FOUND for an address that is not the user's; 401 when the device was ended meanwhile.
   */
  async set(user: { userId: UserId; deviceId: DeviceId | undefined }, pusher: PusherToSet): Promise<void> {
    const { userId, deviceId } = user;
    if (pusher.kind === 'email') await this.#assertMailTo(userId, pusher.pushkey);
    const key = { user_id: userId, app_id: pusher.appId, pushkey: pusher.pushkey };
    const isNew = (await pushersStore.byKey(this.#database, key)) === undefined;
    if (isNew && (await pushersStore.countOf(this.#database, userId)) >= MOST_OF_USER) {
      throw invalidParam(`You have ${MOST_OF_USER} pushers, the most there may be: delete some`);
    }
    const unit = new UnitOfWork();
    if (deviceId !== undefined) devicesStore.mustBeThere(unit, userId, deviceId);
    const position = unit.position();
    const users = [userId];
    if (!pusher.append) {
      users.push(...(await pushersStore.othersWith(this.#database, key)));
      pushersStore.removeOfOthers(unit, key);
    }
    const row = {
      ...key,
      kind: pusher.kind,
      app_display_name: pusher.appDisplayName,
      device_display_name: pusher.deviceDisplayName,
      profile_tag: pusher.profileTag ?? null,
      lang: pusher.lang,
      data: JSON.stringify(pusher.data),
      device_id: deviceId ?? ('' as const),
      enabled: pusher.enabled ? 1 : 0,
      gateway: pusher.gateway,
      form: pusher.form,
      set_at: this.#clock.now(),
      unsubscribe_token: pusher.kind === 'email' ? this.#opaque(40) : null,
    };
    pushersStore.put(unit, row, position);
    unit.announce({ topic: 'pusher', position, users, ...(isNew ? { data: { isNew } } : {}) });
    await commitOrRefuse(this.#database, unit, () => unknownToken('The device was ended', false));
  }

  /** Ends a pusher with what it has to push; nothing happens when there is none. */
  async remove(userId: UserId, { appId, pushkey }: PusherName): Promise<void> {
    const unit = new UnitOfWork();
    removePusher(unit, { user_id: userId, app_id: appId, pushkey });
    await this.#database.commit(unit);
  }

  /** The address to which the holder of a mail's token is sent mail, or undefined when the token is no longer good. */
  async addressOf(token: string): Promise<string | undefined> {
    return (await pushersStore.byUnsubscribeToken(this.#database, token))?.pushkey;
  }

  /** Ends the pusher that a mail's token names; nothing happens when there is none. */
  async unsubscribe(token: string): Promise<void> {
    const row = await pushersStore.byUnsubscribeToken(this.#database, token);
    if (row) await this.remove(row.user_id as UserId, { appId: row.app_id, pushkey: row.pushkey });
  }

  async #assertMailTo(userId: UserId, address: string): Promise<void> {
    if (!this.#sendsMail) throw invalidParam('This server sends no mail: the "kind" must be "http"');
    if (await this.#ownsEmail(userId, address)) return;
    const message = '"pushkey" must be a mail address that you have added to your account';
    throw new MatrixError(400, 'M_THREEPID_NOT_FOUND', message);
  }
}

/** Ends a pusher within a unit of work. */
export function removePusher(unit: Writer, key: pushersStore.PusherKey): void {
  pushersStore.remove(unit, key);
  unit.announce({ topic: 'pusher', position: unit.position(), users: [key.user_id as UserId] });
}

function forClient(row: PusherRow): JsonObject {
  const pusher: JsonObject = {
    pushkey: row.pushkey,
    kind: row.kind,
    app_id: row.app_id,
    app_display_name: row.app_display_name,
    device_display_name: row.device_display_name,
    lang: row.lang,
    data: JSON.parse(row.data) as JsonObject,
    'org.matrix.msc3881.enabled': row.enabled !== 0,
    'org.matrix.msc3881.device_id': row.device_id === '' ? null : row.device_id,
  };
  if (row.profile_tag !== null) pusher.profile_tag = row.profile_tag;
  return pusher;
}
