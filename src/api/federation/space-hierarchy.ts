import { Type } from 'typebox';
import type { SpaceAnswers } from '../../modules/spaces/index.ts';
import { roomId } from '../../protocol/identifiers.ts';
import { endpoint, federationPaths } from '../../wire/endpoint.ts';

/** GET /_matrix/federation/v1/hierarchy/{roomId} */
export const getSpaceHierarchyForServers = endpoint(
  {
    id: 'getSpaceHierarchy',
    spec: 'server-server-api/#get_matrixfederationv1hierarchyroomid',
    method: 'GET',
    paths: federationPaths('/hierarchy/:roomId', { unstable: ['org.matrix.msc2946'] }),
    auth: 'server',
    params: Type.Object({ roomId: Type.String() }),
    query: Type.Object({ suggested_only: Type.Optional(Type.Boolean()) }),
  },
  ({ spaceAnswers }: { spaceAnswers: SpaceAnswers }, { origin, params, query }) =>
    spaceAnswers.of(origin, roomId(params.roomId), query.suggested_only ?? false),
);
