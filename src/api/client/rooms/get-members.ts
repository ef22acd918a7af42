import { Type } from 'typebox';
import { roomId } from '../../../protocol/identifiers.ts';
import type { ClientEvents } from '../../../rooms/reading/client-events.ts';
import { parseStreamToken } from '../../../rooms/reading/stream-token.ts';
import type { ShownStates } from '../../../rooms/reading/shown-states.ts';
import type { Visibility } from '../../../rooms/reading/visibility.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';

const Membership = Type.Union(['join', 'invite', 'knock', 'leave', 'ban'].map((one) => Type.Literal(one)));

/** GET /rooms/{roomId}/members */
export const getMembersByRoom = endpoint(
  {
    id: 'getMembersByRoom',
    spec: 'client-server-api/#get_matrixclientv3roomsroomidmembers',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/members'),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({
      at: Type.Optional(Type.String()),
      membership: Type.Optional(Membership),
      not_membership: Type.Optional(Membership),
    }),
  },
  async (
    needs: {
      visibility: Visibility;
      states: ShownStates;
      clientEvents: ClientEvents;
      clock: { now(): number };
    },
    request,
  ) => {
    const { at, membership, not_membership: notMembership } = request.query;
    const { userId, deviceId } = request.session;
    const access = await needs.visibility.accessOrForbid(roomId(request.params.roomId), userId);
    const root =
      at === undefined
        ? await needs.states.wholeRoot(access)
        : await needs.states.visibleRootAt(access, parseStreamToken(at));
    const members = await needs.states.stateEvents(root, (type) => type === 'm.room.member');
    const isUnfiltered = membership === undefined && notMembership === undefined;
    const chunk = members.filter(
      ({ content }) =>
        isUnfiltered ||
        content.membership === membership ||
        (notMembership !== undefined && content.membership !== notMembership),
    );
    const viewer = { userId, deviceId, now: needs.clock.now() };
    const texts = await needs.clientEvents.texts(chunk, viewer, { roomId: access.roomId });
    return new RawJson(`{"chunk":[${texts.join(',')}]}`);
  },
);
