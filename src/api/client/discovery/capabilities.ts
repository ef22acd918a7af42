import { ROOM_VERSIONS } from '../../../protocol/room-versions.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

interface Needs {
  readonly capabilities: {
    readonly defaultRoomVersion: string;
    readonly threepidChanges: boolean;
    readonly urlPreviews: boolean;
  };
}

/** GET /capabilities */
export const getCapabilities = endpoint(
  {
    id: 'getCapabilities',
    spec: 'client-server-api/#get_matrixclientv3capabilities',
    method: 'GET',
    paths: clientPaths('/capabilities'),
    auth: 'user',
    guests: true,
  },
  (needs: Needs, request) => {
    const { isGuest, oauthClient } = request.session;
    // What takes interactive authentication is not for clients that signed in by OAuth 2.0, nor for guests.
    const isLegacy = oauthClient === undefined && !isGuest;
    return {
      capabilities: {
        'm.change_password': { enabled: isLegacy },
        'm.room_versions': {
          default: needs.capabilities.defaultRoomVersion,
          available: Object.fromEntries([...ROOM_VERSIONS.keys()].map((id) => [id, 'stable'])),
        },
        'm.set_displayname': { enabled: true },
        'm.set_avatar_url': { enabled: !isGuest },
        'm.profile_fields': { enabled: true, ...(isGuest ? { allowed: ['displayname'] } : {}) },
        'm.3pid_changes': { enabled: isLegacy && needs.capabilities.threepidChanges },
        'm.get_login_token': { enabled: isLegacy },
        'org.matrix.msc3882.get_login_token': { enabled: isLegacy },
        'io.element.msc4452.preview_url': { enabled: needs.capabilities.urlPreviews },
        'm.forget_forced_upon_leave': { enabled: false },
        ...(request.session.isAdmin ? { 'm.account_moderation': { suspend: true, lock: true } } : {}),
      },
    };
  },
);
