import { Type } from 'typebox';
import { threepidOf } from '../../../accounts/threepids/threepid-addresses.ts';
import { roomId, userId } from '../../../protocol/identifiers.ts';
import { badJson } from '../../../protocol/matrix-error.ts';
import type { MembershipChanges } from '../../../rooms/membership/membership-changes.ts';
import type { ThirdPartyInvites } from '../../../rooms/membership/third-party-invites.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { ban } from '../../client/membership/ban.ts';
import { joinRoom } from '../../client/membership/join.ts';
import { leaveRoom } from '../../client/membership/leave.ts';
import { V1 } from '../legacy-paths.ts';
import { CODES_OF_BODIES, oldForm, twin } from '../old-form.ts';

const ofRoom = (suffix: string) => [`${V1}/rooms/:roomId${suffix}`];

/** POST /join/{roomAliasOrId} */
const joinAlias = oldForm(joinRoom, { id: 'join_alias', paths: [`${V1}/join/:roomIdOrAlias`] });

/** POST /rooms/{roomId}/join, which takes an alias, too */
const join = oldForm(joinRoom, { id: 'join_room', paths: [`${V1}/rooms/:roomIdOrAlias/join`] });

/** POST /rooms/{roomId}/invite, of a user or of who has an address: the identity server of then takes no token. */
const invite = endpoint(
  {
    id: 'invite_user',
    method: 'POST',
    paths: ofRoom('/invite'),
    codes: CODES_OF_BODIES,
    auth: 'user',
    whenSuspended: 'refused',
    limit: 'invite',
    params: Type.Object({ roomId: Type.String() }),
    body: Type.Object({
      user_id: Type.Optional(Type.String()),
      id_server: Type.Optional(Type.String()),
      medium: Type.Optional(Type.String()),
      address: Type.Optional(Type.String()),
      display_name: Type.Optional(Type.String()),
    }),
  },
  async (
    needs: { changes: MembershipChanges; thirdPartyInvites: ThirdPartyInvites },
    { session, params, body },
  ) => {
    const { user_id: target, id_server: idServer, medium, address, display_name: displayName } = body;
    const id = roomId(params.roomId);
    if (target !== undefined) {
      await needs.changes.invite(session, id, userId(target), {});
    } else if (idServer === undefined || medium === undefined || address === undefined) {
      throw badJson('"user_id", or "id_server", "medium" and "address", say whom to invite');
    } else {
      const threepid = threepidOf(medium, address);
      const access = { idServer, accessToken: undefined };
      await needs.thirdPartyInvites.invite(session, access, { roomId: id, threepid, displayName });
    }
    return {};
  },
);

/** POST /rooms/{roomId}/leave */
const leave = oldForm(leaveRoom, { id: 'leave', paths: ofRoom('/leave') });

/** POST /rooms/{roomId}/ban */
const banMember = oldForm(ban, { id: 'ban', paths: ofRoom('/ban'), codes: CODES_OF_BODIES });

/** Who is in a room, with POST, and with PUT and a transaction ID. */
export const v1Membership = [
  ...[joinAlias, twin(joinAlias), join, twin(join), invite, twin(invite)],
  ...[leave, twin(leave), banMember, twin(banMember)],
];
