import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

/** GET /account/whoami */
export const getTokenOwner = endpoint(
  {
    id: 'getTokenOwner',
    spec: 'client-server-api/#get_matrixclientv3accountwhoami',
    method: 'GET',
    paths: clientPaths('/account/whoami'),
    auth: 'user',
    guests: true,
  },
  (_needs: object, request) => ({
    user_id: request.session.userId,
    device_id: request.session.deviceId,
    is_guest: request.session.isGuest,
  }),
);
