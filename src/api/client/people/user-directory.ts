import { Type } from 'typebox';
import type { UserDirectory } from '../../../modules/user-directory/index.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** POST /user_directory/search */
export const searchUserDirectory = endpoint(
  {
    id: 'searchUserDirectory',
    spec: 'client-server-api/#post_matrixclientv3user_directorysearch',
    method: 'POST',
    paths: clientPaths('/user_directory/search'),
    auth: 'user',
    body: Type.Object({
      search_term: Type.String(),
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  ({ userDirectory }: { userDirectory: UserDirectory }, request) =>
    userDirectory.search(request.session.userId, request.body.search_term, request.body.limit),
);
