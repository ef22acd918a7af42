import { Type } from 'typebox';
import type { Filters } from '../../../modules/filters/index.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { clientPaths, endpoint, RawJson } from '../../../wire/endpoint.ts';
import { ownUser } from './own-user.ts';

/** POST /user/{userId}/filter */
export const defineFilter = endpoint(
  {
    id: 'defineFilter',
    method: 'POST',
    paths: clientPaths('/user/:userId/filter'),
    auth: 'user',
    guests: true,
    params: Type.Object({ userId: Type.String() }),
    body: Type.Record(Type.String(), Type.Unknown()),
  },
  async (needs: { filters: Filters }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    return { filter_id: await needs.filters.add(userId, request.body as JsonObject) };
  },
);

/** GET /user/{userId}/filter/{filterId} */
export const getFilter = endpoint(
  {
    id: 'getFilter',
    method: 'GET',
    paths: clientPaths('/user/:userId/filter/:filterId'),
    auth: 'user',
    guests: true,
    params: Type.Object({ userId: Type.String(), filterId: Type.String() }),
  },
  async (needs: { filters: Filters }, request) => {
    const userId = ownUser(request.session, request.params.userId);
    return new RawJson(await needs.filters.get(userId, request.params.filterId));
  },
);
