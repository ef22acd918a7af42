import { Type, type Static } from 'typebox';
import type { DirectoryQuery } from '../rooms/creation/directory.ts';

/** What clients and other servers alike may ask of the directory of published rooms. */
export const DirectoryBody = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0 })),
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
});

/** The same in the directory's terms. */
export function directoryQuery(body: Static<typeof DirectoryBody>): DirectoryQuery {
  return {
    limit: body.limit,
    since: body.since,
    network: body.third_party_instance_id,
    allNetworks: body.include_all_networks,
    searchTerm: body.filter?.generic_search_term ?? undefined,
    roomTypes: body.filter?.room_types ?? undefined,
  };
}
