import { parseEmail } from '../../accounts/threepids/threepid-addresses.ts';
import type { Mailer } from '../../platform/mailer.ts';
import type { Randomness } from '../../platform/randomness.ts';
import { decodeBase64 } from '../../protocol/base64.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { redactedAddress, signedInvite } from '../../protocol/identity/signed-statements.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import { SigningKey } from '../../protocol/signing.ts';
import * as associationsStore from '../../storage/identity/associations-store.ts';
import type { Database } from '../../storage/database.ts';
import * as store from '../../storage/identity/identity-invites-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { invitationMail, type InvitationFacts } from './invitation-mail.ts';
import type { PublicKeys } from './public-keys.ts';
import type { WaitingInvites } from './waiting-invites.ts';

/** Whom a homeserver wants to invite, as far as it is known. */
export interface InviteWish extends InvitationFacts {
  readonly medium: string;
  readonly address: string;
  readonly roomId: RoomId;
  readonly sender: UserId;
}

/** Under this name the key of an invitation signs. */
const EPHEMERAL_KEY_ID = 'ed25519:0';
/** An invitation that nobody took up for so long is forgotten. */
const KEPT_MS = 365 * 86_400_000;

/** Invitations of people of whom only an address is known (Identity Service API, "Invitation storage"). */
export class StoredInvites {
  readonly #needs: StoredInvitesNeeds;

  constructor(needs: StoredInvitesNeeds) {
    this.#needs = needs;
  }

  /**
   * Keeps an invitation, with a key pair of its own, and writes to the address: the private key goes there, and nowhere
   * else.
   *
   * @throws MatrixError 400 M_UNRECOGNIZED for anything but mail, M_INVALID_EMAIL, M_THREEPID_IN_USE with the user whose
   *   address it is, M_EMAIL_SEND_ERROR; 429 when enough was sent to it.
   */
  async store(wish: InviteWish): Promise<JsonObject> {
    const { database, mailer, publicKeys, clock } = this.#needs;
    const threepid = wish.medium === 'email' ? parseEmail(wish.address) : undefined;
    if (wish.medium !== 'email') {
      throw new MatrixError(400, 'M_UNRECOGNIZED', '"medium" must be email: nobody else can be invited');
    }
    if (!threepid) throw new MatrixError(400, 'M_INVALID_EMAIL', '"address" must be one mail address');
    const bound = await associationsStore.byAddress(database, threepid.medium, threepid.address);
    if (bound) {
      const message = 'This address belongs to a user already';
      throw new MatrixError(400, 'M_THREEPID_IN_USE', message, { mxid: bound.mxid });
    }
    if (!mailer.enabled) throw couldNotSend('This identity service does not send mail');
    this.#needs.allowSending(`email ${threepid.address}`);
    const key = SigningKey.fromSeed(EPHEMERAL_KEY_ID, this.#needs.randomness.bytes(32));
    const token = this.#needs.randomness.opaque(48);
    const { roomId, sender } = wish;
    const row = { ...threepid, token, room_id: roomId, sender, public_key: key.publicKey };
    const now = clock.now();
    const unit = new UnitOfWork();
    store.add(unit, { ...row, stored_at: now }, now - KEPT_MS);
    await database.commit(unit);
    await this.#write(wish, threepid.address, token, key);
    await this.#needs.waiting.tell(threepid);
    return {
      token,
      public_key: publicKeys.longTerm.public_key,
      public_keys: [publicKeys.longTerm, publicKeys.ephemeral(key.publicKey)],
      display_name: redactedAddress(threepid.address),
    };
  }

  /**
   * Signs, for one whose client cannot, that an invitation is theirs (Identity Service API, "Ephemeral invitation signing").
   *
   * @param privateKey unpadded base64, as it was in the mail.
   * @throws MatrixError 404 M_UNRECOGNIZED for an unknown token, 400 M_INVALID_PARAM for a key that is not the invitation's.
   */
  async sign(mxid: UserId, token: string, privateKey: string): Promise<JsonObject> {
    const row = await store.byToken(this.#needs.database, token);
    if (!row) throw new MatrixError(404, 'M_UNRECOGNIZED', 'There is no invitation with this token');
    const seed = decodeBase64(privateKey);
    const key = seed?.length === 32 ? SigningKey.fromSeed(EPHEMERAL_KEY_ID, seed) : undefined;
    if (key?.publicKey !== row.public_key) {
      throw invalidParam('"private_key" must be the key of the invitation, as unpadded base64');
    }
    return signedInvite({ mxid, sender: row.sender, token }, this.#needs.name, key);
  }

  /** Whether a public key, in the form in which it was given out, is that of an invitation. */
  hasKey(publicKey: string): Promise<boolean> {
    return store.hasKey(this.#needs.database, publicKey);
  }

  async #write(wish: InviteWish, address: string, token: string, key: SigningKey): Promise<void> {
    const { mailer, clientUrl, signUrl } = this.#needs;
    const secret = { token, privateKey: key.exportSeed() };
    try {
      await mailer.send({
        to: address,
        ...invitationMail({ ...wish, address }, secret, { clientUrl, signUrl }),
      });
    } catch (error) {
      this.#needs.onSendingFailed(error);
      throw couldNotSend('The invitation could not be sent by mail: try again later');
    }
  }
}

/** What storing invitations works with. */
export interface StoredInvitesNeeds {
  readonly database: Database;
  readonly mailer: Mailer;
  readonly publicKeys: PublicKeys;
  readonly waiting: WaitingInvites;
  readonly name: string;
  readonly clock: { now(): number };
  readonly randomness: Randomness;
  /** Throws 429 when too much was sent to an address. */
  readonly allowSending: (address: string) => void;
  readonly onSendingFailed: (error: unknown) => void;
  /** The web client to which an invitation leads. */
  readonly clientUrl: string;
  /** Where that client has the acceptance signed. */
  readonly signUrl: string;
}

function couldNotSend(message: string): MatrixError {
  return new MatrixError(400, 'M_EMAIL_SEND_ERROR', message);
}
