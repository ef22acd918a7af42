import { Type } from 'typebox';
import type { UriMapping } from '../../../modules/application-services/index.ts';
import { endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  uriMapping: UriMapping;
}

const URI = Type.Object({ uri: Type.String({ minLength: 1, maxLength: 2_048 }) });

/** GET /_matrix/app/v1/user?uri=: the user who stands for somebody on another network. */
const uriToUser = endpoint(
  { id: 'uri_to_user', method: 'GET', paths: ['/_matrix/app/v1/user'], auth: 'user', query: URI },
  async (needs: Needs, { query }) => ({ user_id: await needs.uriMapping.userOf(query.uri) }),
);

/** GET /_matrix/app/v1/alias?uri=: the alias that stands for a room of another network. */
const uriToAlias = endpoint(
  { id: 'uri_to_alias', method: 'GET', paths: ['/_matrix/app/v1/alias'], auth: 'user', query: URI },
  async (needs: Needs, { query }) => ({ alias: await needs.uriMapping.aliasOf(query.uri) }),
);

/** Endpoints of 2015 about application services. */
export const legacyAppserviceEndpoints = [uriToUser, uriToAlias] as const;
