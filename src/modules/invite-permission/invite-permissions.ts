import { invitePermission, type InvitePermission } from '../../protocol/invite-permission.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import type { AccountData } from '../account-data/index.ts';

const CONFIG = 'm.invite_permission_config';
const RULES = 'org.matrix.msc4155.invite_permission_config';

/** Whose invites people want (Client-Server API, "Invite permission"; MSC4155). */
export class InvitePermissions {
  readonly #accountData: AccountData;

  constructor(accountData: AccountData) {
    this.#accountData = accountData;
  }

  /** What the invited user wants of invites by the inviter. */
  async of(invited: UserId, inviter: UserId): Promise<InvitePermission> {
    const config = await this.#accountData.find(invited, undefined, CONFIG);
    const rules = await this.#accountData.find(invited, undefined, RULES);
    return invitePermission(config, rules, inviter);
  }
}
