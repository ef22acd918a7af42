import { Type } from 'typebox';
import type { StoredInvites } from '../../modules/identity-service/index.ts';
import { roomId, userId } from '../../protocol/identifiers.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import { bothVersions } from './both-versions.ts';

interface Needs {
  readonly storedInvites: StoredInvites;
}

const text = Type.Optional(Type.String());
const Signing = Type.Object({ mxid: text, token: text, private_key: text });

/** POST /_matrix/identity/v2/store-invite */
export const storeInvite = bothVersions(
  {
    id: 'storeInviteV2',
    spec: 'identity-service-api/#post_matrixidentityv2store-invite',
    method: 'POST',
    path: '/store-invite',
    auth: 'identity',
    limit: 'invite',
    body: Type.Object({
      medium: Type.String(),
      address: Type.String({ maxLength: 300 }),
      room_id: Type.String(),
      sender: Type.String(),
      ...{ room_alias: text, room_avatar_url: text, room_name: text, room_type: text },
      sender_display_name: text,
    }),
  },
  ({ storedInvites }: Needs, { account, body }) => {
    const sender = userId(body.sender);
    if (account && account.userId !== sender) {
      throw forbidden('"sender" must be the user whose token this is');
    }
    return storedInvites.store({
      ...{ medium: body.medium, address: body.address, roomId: roomId(body.room_id), sender },
      senderName: body.sender_display_name,
      roomName: body.room_name,
      roomAlias: body.room_alias,
      roomAvatarUrl: body.room_avatar_url,
      roomType: body.room_type,
    });
  },
);

/**
 * POST /_matrix/identity/v2/sign-ed25519. Clients follow a link of a mail to version 1 of it, without a token, and with all
 * keys in the query.
 */
export const signEd25519 = bothVersions(
  {
    id: 'blindlySignStuffV2',
    spec: 'identity-service-api/#post_matrixidentityv2sign-ed25519',
    method: 'POST',
    path: '/sign-ed25519',
    auth: 'identity',
    limit: 'identity',
    query: Signing,
    body: Signing,
  },
  ({ storedInvites }: Needs, { body, query }) => {
    const { mxid, token, private_key: privateKey } = { ...query, ...body };
    if (mxid === undefined || token === undefined || privateKey === undefined) {
      throw new MatrixError(400, 'M_MISSING_PARAM', '"mxid", "token" and "private_key" must be given');
    }
    return storedInvites.sign(userId(mxid), token, privateKey);
  },
);
