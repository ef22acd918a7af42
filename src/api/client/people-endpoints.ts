import { exchangeOpenIdToken } from '../federation/openid-userinfo.ts';
import {
  getAdminLockUser,
  getAdminSuspendUser,
  getWhoIs,
  setAdminLockUser,
  setAdminSuspendUser,
} from './people/admin.ts';
import { appserviceEndpoints } from './application-services/appservice-endpoints.ts';
import { networkEndpoints } from './networks/third-party-networks.ts';
import { sendServerNotice, sendServerNoticeOnce } from './people/server-notice.ts';
import { getMutualRooms, getMutualRoomsUnstable } from './people/mutual-rooms.ts';
import { requestOpenIdToken } from './people/openid.ts';
import { reportEvent, reportRoom, reportUser } from './people/report.ts';
import { getTurnServer } from './people/turn-server.ts';
import { searchUserDirectory } from './people/user-directory.ts';

/** Endpoints about people: finding them, proving who they are, reporting and moderating them. */
export const peopleEndpoints = [
  ...appserviceEndpoints,
  ...networkEndpoints,
  sendServerNotice,
  sendServerNoticeOnce,
  exchangeOpenIdToken,
  getAdminLockUser,
  getAdminSuspendUser,
  getMutualRooms,
  getMutualRoomsUnstable,
  getTurnServer,
  getWhoIs,
  reportEvent,
  reportRoom,
  reportUser,
  requestOpenIdToken,
  searchUserDirectory,
  setAdminLockUser,
  setAdminSuspendUser,
] as const;
