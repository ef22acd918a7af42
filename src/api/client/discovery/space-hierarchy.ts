import { Type } from 'typebox';
import type { SpaceHierarchy } from '../../../modules/spaces/index.ts';
import { roomId } from '../../../protocol/identifiers.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /rooms/{roomId}/hierarchy */
export const getSpaceHierarchy = endpoint(
  {
    id: 'getSpaceHierarchy',
    spec: 'client-server-api/#get_matrixclientv1roomsroomidhierarchy',
    method: 'GET',
    paths: clientPaths('/rooms/:roomId/hierarchy', { since: 'v1', unstable: ['org.matrix.msc2946'] }),
    auth: 'user',
    guests: true,
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({
      suggested_only: Type.Optional(Type.Boolean()),
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      max_depth: Type.Optional(Type.Integer({ minimum: 0 })),
      from: Type.Optional(Type.String()),
    }),
  },
  (needs: { spaces: SpaceHierarchy }, { params, query, session }) =>
    needs.spaces.page(session.userId, roomId(params.roomId), {
      limit: query.limit,
      maxDepth: query.max_depth,
      suggestedOnly: query.suggested_only,
      from: query.from,
    }),
);
