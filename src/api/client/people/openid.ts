import { Type } from 'typebox';
import type { OpenIdTokens } from '../../../modules/openid/index.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';
import { ownUser } from '../user/own-user.ts';

/** POST /user/{userId}/openid/request_token */
export const requestOpenIdToken = endpoint(
  {
    id: 'requestOpenIdToken',
    spec: 'client-server-api/#post_matrixclientv3useruseridopenidrequest_token',
    method: 'POST',
    paths: clientPaths('/user/:userId/openid/request_token'),
    auth: 'user',
    params: Type.Object({ userId: Type.String() }),
  },
  ({ openIdTokens }: { openIdTokens: OpenIdTokens }, request) =>
    openIdTokens.issue(ownUser(request.session, request.params.userId)),
);
