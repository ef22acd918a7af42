import { Type } from 'typebox';
import type { StoredInvites } from '../../modules/identity-service/index.ts';
import { roomId, userId } from '../../protocol/identifiers.ts';
import { forbidden } from '../../protocol/matrix-error.ts';
import { bothVersions } from './both-versions.ts';

interface Needs {
  readonly storedInvites: StoredInvites;
}

const text = Type.Optional(Type.String());

/** POST /_matrix/identity/v2/store-invite */
export const storeInvite = bothVersions(
  {
    id: 'storeInviteV2',
    spec: 'identity-service-api/#post_matrixidentityv2store-invite',
    method: 'POST',
    path: '/store-invite',
    auth: 'identity',
    limit: 'identity',
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

/** POST /_matrix/identity/v2/sign-ed25519. Clients follow a link of a mail here, which has two of the keys in its query. */
export const signEd25519 = bothVersions(
  {
    id: 'blindlySignStuffV2',
    spec: 'identity-service-api/#post_matrixidentityv2sign-ed25519',
    method: 'POST',
    path: '/sign-ed25519',
    auth: 'identity',
    limit: 'identity',
    query: Type.Object({ token: text, private_key: text }),
    body: Type.Object({ mxid: Type.String(), token: text, private_key: text }),
  },
  ({ storedInvites }: Needs, { body, query }) => {
    const token = body.token ?? query.token ?? '';
    return storedInvites.sign(userId(body.mxid), token, body.private_key ?? query.private_key ?? '');
  },
);
