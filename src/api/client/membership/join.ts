import { Type } from 'typebox';
import type { Aliases } from '../../../rooms/creation/aliases.ts';
import type { ThirdPartyExchange } from '../../../federation/membership/third-party-exchange.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import type { MembershipChanges } from '../../../rooms/membership/membership-changes.ts';
import { furtherContent } from './further-content.ts';
import { ViaQuery, viaOf } from './via.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /join/{roomIdOrAlias} */
export const joinRoom = endpoint(
  {
    id: 'joinRoom',
    spec: 'client-server-api/#post_matrixclientv3joinroomidoralias',
    method: 'POST',
    paths: clientPaths('/join/:roomIdOrAlias'),
    auth: 'user',
    whenSuspended: 'refused',
    guests: true,
    limit: 'join',
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    query: ViaQuery,
    body: Type.Object({
      reason: Type.Optional(Type.String()),
      third_party_signed: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  },
  async (
    needs: { changes: MembershipChanges; thirdPartyExchange: ThirdPartyExchange; aliases: Aliases },
    request,
  ) => {
    const via = viaOf(request.query);
    const { roomId: id, servers } = await needs.aliases.placeOf(request.params.roomIdOrAlias, via);
    const signed = request.body.third_party_signed as JsonObject | undefined;
    if (signed) await needs.thirdPartyExchange.accept(request.session.userId, id, signed);
    const { reason } = request.body;
    await needs.changes.join(request.session, id, reason, furtherContent(request.body), servers);
    return { room_id: id };
  },
);
