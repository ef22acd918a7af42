import { ban } from '../../client/membership/ban.ts';
import { inviteUser } from '../../client/membership/invite.ts';
import { joinRoom } from '../../client/membership/join.ts';
import { leaveRoom } from '../../client/membership/leave.ts';
import { V1 } from '../legacy-paths.ts';
import { oldForm, twin } from '../old-form.ts';

const ofRoom = (suffix: string) => [`${V1}/rooms/:roomId${suffix}`];

/** POST /join/{roomAliasOrId} */
const joinAlias = oldForm(joinRoom, { id: 'join_alias', paths: [`${V1}/join/:roomIdOrAlias`] });

/** POST /rooms/{roomId}/join, which takes an alias, too */
const join = oldForm(joinRoom, { id: 'join_room', paths: [`${V1}/rooms/:roomIdOrAlias/join`] });

/** POST /rooms/{roomId}/invite */
const invite = oldForm(inviteUser, { id: 'invite_user', paths: ofRoom('/invite') });

/** POST /rooms/{roomId}/leave */
const leave = oldForm(leaveRoom, { id: 'leave', paths: ofRoom('/leave') });

/** POST /rooms/{roomId}/ban */
const banMember = oldForm(ban, { id: 'ban', paths: ofRoom('/ban') });

/** Who is in a room, with POST, and with PUT and a transaction ID. */
export const v1Membership = [joinAlias, join, invite, leave, banMember].flatMap((post) => [post, twin(post)]);
