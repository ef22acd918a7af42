import type { InvitePermission } from '../../protocol/invite-permission.ts';
import { serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';

/** Which invites may be made, whatever the room says. */
export class InviteRules {
  readonly serverName: ServerName;
  /** Sends notices of this server: its invites reach everybody and cannot be declined. */
  readonly #noticesUser: UserId;
  readonly #permission: (invited: UserId, inviter: UserId) => Promise<InvitePermission>;
  #beforeInvite: (target: UserId) => Promise<void> = () => Promise.resolve();

  constructor(needs: {
    serverName: ServerName;
    noticesUser: UserId;
    permission: (invited: UserId, inviter: UserId) => Promise<InvitePermission>;
  }) {
    this.serverName = needs.serverName;
    this.#noticesUser = needs.noticesUser;
    this.#permission = needs.permission;
  }

  /** @throws MatrixError 403 M_INVITE_BLOCKED for a user of this server who wants no invites of the inviter. */
  async assertInvitable(target: UserId, inviter: UserId): Promise<void> {
    if (serverNameOf(target) !== this.serverName) return;
    await this.#beforeInvite(target);
    if (inviter === this.#noticesUser || (await this.#permission(target, inviter)) !== 'block') return;
    throw new MatrixError(403, 'M_INVITE_BLOCKED', `${target} does not take your invites`);
  }

  /** Sets what happens first when a user of this server is invited, who may not exist yet. */
  onInvited(prepare: (target: UserId) => Promise<void>): void {
    this.#beforeInvite = prepare;
  }

  /** Whether the invited user is not to see an invite. */
  async isHidden(invited: UserId, inviter: UserId): Promise<boolean> {
    return inviter !== this.#noticesUser && (await this.#permission(invited, inviter)) !== 'allow';
  }

  /** @throws MatrixError 403 M_CANNOT_LEAVE_SERVER_NOTICE_ROOM for invites by this server itself. */
  assertDeclinable(member: { readonly sender: UserId; readonly content: { membership?: unknown } }): void {
    if (member.sender !== this.#noticesUser || member.content.membership !== 'invite') return;
    const message = 'Notices of this server cannot be declined: join the room, then you may leave it';
    throw new MatrixError(403, 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM', message);
  }
}
