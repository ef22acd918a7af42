import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database, type Writer } from '../../storage/database.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { assertMayOpen } from '../may-open.ts';
import type { OpenedSession, Sessions } from '../sessions.ts';
import {
  CodeUsedAgain,
  invalidCode,
  type AuthorizationCodes,
  type CodeRedemption,
} from './authorization-codes.ts';
import type { OAuthClient, OAuthClients } from './clients.ts';
import type { GrantType } from './client-metadata.ts';
import type { DeviceAuthorizations } from './device-authorizations.ts';
import { OAuthError } from './oauth-error.ts';

/** Tokens that a client gets, and for which scope, if it has to be told. */
export interface GrantedTokens {
  readonly session: OpenedSession;
  readonly scope: string;
}

/** What is granted: a session of a user on a device. */
interface Grant {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly scope: string;
  /** Uses up what the client handed in; the unit fails when that was done. */
  readonly redeem: (unit: Writer) => void;
}

interface TokenGrantNeeds {
  readonly database: Database;
  readonly sessions: Sessions;
  readonly clients: OAuthClients;
  readonly codes: AuthorizationCodes;
  readonly devices: DeviceAuthorizations;
  /** Ends a device, with all that hangs on it. */
  readonly endDevice: (userId: UserId, deviceId: DeviceId) => Promise<void>;
}

/** The ways to get tokens (Client-Server API, "Grant types"). */
export class TokenGrants {
  readonly #needs: TokenGrantNeeds;

  constructor(needs: TokenGrantNeeds) {
    this.#needs = needs;
  }

  /** @throws OAuthError invalid_client, unauthorized_client or invalid_grant. */
  async byCode(given: CodeRedemption): Promise<GrantedTokens> {
    const client = await this.#clientFor(given.clientId, 'authorization_code');
    try {
      const { row, redeem } = await this.#needs.codes.check(given);
      const { user_id: userId, device_id: deviceId, scope } = row;
      return await this.#open(client, {
        userId: userId as UserId,
        deviceId: deviceId as DeviceId,
        scope,
        redeem,
      });
    } catch (error) {
      if (error instanceof CodeUsedAgain) await this.#needs.endDevice(error.userId, error.deviceId);
      throw error;
    }
  }

  /** @throws OAuthError authorization_pending, slow_down, access_denied, expired_token and those of `byCode`. */
  async byDeviceCode(deviceCode: string, clientId: string): Promise<GrantedTokens> {
    const client = await this.#clientFor(clientId, 'urn:ietf:params:oauth:grant-type:device_code');
    return this.#open(client, await this.#needs.devices.check(deviceCode, clientId));
  }

  /**
   * Exchanges a refresh token. One that was spent may have been stolen: it ends the session (RFC 9700, section 4.14.2).
   *
   * @throws OAuthError invalid_client or invalid_grant.
   */
  async byRefreshToken(refreshToken: string, clientId: string): Promise<OpenedSession> {
    await this.#needs.clients.byId(clientId);
    try {
      return await this.#needs.sessions.refresh(refreshToken, clientId);
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      if (error.errcode === 'M_USER_LOCKED') throw notGranted(error);
      const owner = await this.#needs.sessions.ownerOf(refreshToken);
      if (owner?.isSpent === true) await this.#needs.endDevice(owner.userId, owner.deviceId);
      throw new OAuthError('invalid_grant', 'The refresh token is not known, not this client’s, or was used');
    }
  }

  /** Ends the session that a token belongs to (RFC 7009). Does nothing for a token that is not known. */
  async revoke(token: string): Promise<void> {
    const owner = await this.#needs.sessions.ownerOf(token);
    if (owner) await this.#needs.endDevice(owner.userId, owner.deviceId);
  }

  async #clientFor(clientId: string, grant: GrantType): Promise<OAuthClient> {
    const client = await this.#needs.clients.byId(clientId);
    if (client.metadata.grant_types.includes(grant)) return client;
    throw new OAuthError('unauthorized_client', `The client did not register for the grant ${grant}`);
  }

  async #open(client: OAuthClient, grant: Grant): Promise<GrantedTokens> {
    const { database, sessions } = this.#needs;
    const user = await usersStore.byId(database, grant.userId);
    const unit = new UnitOfWork();
    grant.redeem(unit);
    try {
      assertMayOpen(user);
      const session = await sessions.open(unit, {
        userId: grant.userId,
        deviceId: grant.deviceId,
        displayName: client.metadata.texts.client_name,
        form: 'refreshable',
        oauthClient: client.id,
      });
      sessions.announce(unit, grant.userId);
      await database.commit(unit);
      return { session, scope: grant.scope };
    } catch (error) {
      if (error instanceof MatrixError) throw notGranted(error);
      throw error instanceof GuardFailed ? invalidCode() : error;
    }
  }
}

/** What is wrong with the account or the device, in the words of OAuth. */
function notGranted({ message }: MatrixError): OAuthError {
  return new OAuthError('invalid_grant', message);
}
