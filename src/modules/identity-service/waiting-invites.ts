import type { Threepid } from '../../accounts/threepids/threepid-addresses.ts';
import { serverNameOf, type UserId } from '../../protocol/identifiers.ts';
import { signedInvite } from '../../protocol/identity/signed-statements.ts';
import type { SigningKey } from '../../protocol/signing.ts';
import * as associationsStore from '../../storage/identity/associations-store.ts';
import { GuardFailed, type Database, type Reader, type Writer } from '../../storage/database.ts';
import * as invitesStore from '../../storage/identity/identity-invites-store.ts';
import * as noticesStore from '../../storage/identity/identity-notices-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { BindNotices } from './bind-notices.ts';

/** Invitations that wait for somebody to prove an address: has their homeserver told of them (`3pid/onbind`). */
export class WaitingInvites {
  readonly #database: Database;
  readonly #notices: BindNotices;
  readonly #name: string;
  readonly #key: SigningKey;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;

  constructor(needs: {
    database: Database;
    notices: BindNotices;
    name: string;
    key: SigningKey;
    clock: { now(): number };
    opaque: (length: number) => string;
  }) {
    this.#database = needs.database;
    this.#notices = needs.notices;
    this.#name = needs.name;
    this.#key = needs.key;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
  }

  /** Puts what waits for an address on its way, within the unit that binds it to a user; gives whether anything does. */
  async addNotices(reader: Reader, unit: Writer, threepid: Threepid, mxid: UserId): Promise<boolean> {
    const { medium, address } = threepid;
    const waiting = await invitesStore.waitingFor(reader, medium, address);
    if (waiting.length === 0) return false;
    const now = this.#clock.now();
    const invites = waiting.map(({ token, sender, room_id: roomId }) => {
      invitesStore.markTold(unit, token, now);
      const signed = signedInvite({ mxid, sender, token }, this.#name, this.#key);
      return { medium, address, mxid, room_id: roomId, sender, signed };
    });
    const body = JSON.stringify({ medium, address, mxid, invites });
    noticesStore.add(unit, { id: this.#opaque(24), server: serverNameOf(mxid), body }, now);
    return true;
  }

  /**
   * Tells of what still waits for an address that is bound: an invitation may have come at the very moment, and both sides
   * look for the other after they were committed.
   */
  async tell(threepid: Threepid): Promise<void> {
    const build = async (reader: Reader) => {
      const unit = new UnitOfWork();
      const bound = await associationsStore.byAddress(reader, threepid.medium, threepid.address);
      if (bound) await this.addNotices(reader, unit, threepid, bound.mxid);
      return unit;
    };
    for (let more = true; more;) {
      const unit = await build(this.#database);
      more = unit.writes.length > 0;
      if (more) await this.#database.commit(unit).catch(unlessTold);
    }
    this.#notices.wake();
  }
}

/** Another process told of it at the same time. */
function unlessTold(error: unknown): void {
  if (!(error instanceof GuardFailed)) throw error;
}
