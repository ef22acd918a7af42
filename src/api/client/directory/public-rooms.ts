import { Type } from 'typebox';
import type { Directory } from '../../../rooms/directory.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const paths = clientPaths('/publicRooms');
const Limit = Type.Optional(Type.Integer({ minimum: 0 }));

/** GET /publicRooms */
export const getPublicRooms = endpoint(
  {
    id: 'getPublicRooms',
    spec: 'client-server-api/#get_matrixclientv3publicrooms',
    method: 'GET',
    paths,
    auth: 'none',
    query: Type.Object({
      limit: Limit,
      since: Type.Optional(Type.String()),
      server: Type.Optional(Type.String()),
    }),
  },
  (needs: { directory: Directory }, request) => needs.directory.list(request.query),
);

/** POST /publicRooms */
export const queryPublicRooms = endpoint(
  {
    id: 'queryPublicRooms',
    spec: 'client-server-api/#post_matrixclientv3publicrooms',
    method: 'POST',
    paths,
    auth: 'user',
    guests: true,
    query: Type.Object({ server: Type.Optional(Type.String()) }),
    body: Type.Object({
      limit: Limit,
      since: Type.Optional(Type.String()),
      filter: Type.Optional(
        Type.Object({
          generic_search_term: Type.Optional(Type.Union([Type.String(), Type.Null()])),
          room_types: Type.Optional(
            Type.Union([Type.Array(Type.Union([Type.String(), Type.Null()])), Type.Null()]),
          ),
        }),
      ),
      include_all_networks: Type.Optional(Type.Boolean()),
      third_party_instance_id: Type.Optional(Type.String()),
    }),
  },
  (needs: { directory: Directory }, request) => {
    const { limit, since, filter } = request.body;
    return needs.directory.list({
      limit,
      since,
      network: request.body.third_party_instance_id,
      server: request.query.server,
      searchTerm: filter?.generic_search_term ?? undefined,
      roomTypes: filter?.room_types ?? undefined,
    });
  },
);
