import { Type } from 'typebox';
import type { Accounts } from '../../accounts/accounts.ts';
import type { BrowserSession, BrowserSessions } from '../../accounts/browser-sessions.ts';
import { ACCOUNT_PATH } from '../../accounts/oauth/account-actions.ts';
import type { ThreepidValidation } from '../../accounts/threepids/threepid-validation.ts';
import type { Threepids } from '../../accounts/threepids/threepids.ts';
import type { Profile } from '../../modules/profile/index.ts';
import { parseDeviceId } from '../../protocol/identifiers.ts';
import { endpoint, type Reply } from '../../wire/endpoint.ts';
import type { Page } from '../page.ts';
import { answeringWithPages, Visit } from '../visit.ts';
import {
  crossSigningView,
  deactivationView,
  deviceDeletion,
  devicesView,
  deviceView,
  overview,
  passwordView,
  profileView,
} from './account-views.ts';
import { contactView } from './contact-forms.ts';
import { onTheWayTo, searchOf, SIGN_IN_PATH } from './next-page.ts';

interface Needs {
  readonly browserSessions: BrowserSessions;
  readonly accounts: Accounts;
  readonly threepids: Threepids;
  readonly validation: ThreepidValidation;
  readonly profile: Profile;
}

/** Views that show themselves only to who signed in a short time ago. */
const GRAVE = ['add_contact', 'password', 'org.matrix.account_deactivate', 'org.matrix.cross_signing_reset'];

/** GET {account_management_uri} (Client-Server API, "Account management"). */
const showAccount = endpoint(
  {
    id: 'accountPage',
    spec: 'client-server-api/#oauth-20-account-management',
    method: 'GET',
    paths: [ACCOUNT_PATH],
    auth: 'none',
    query: Type.Object({
      action: Type.Optional(Type.String()),
      device_id: Type.Optional(Type.String()),
    }),
  },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    const { query } = request;
    return answeringWithPages(visit, async (): Promise<Reply> => {
      const { session } = visit;
      const isAllowed = session && (session.isFresh || !GRAVE.includes(query.action ?? ''));
      if (!isAllowed) {
        const search = searchOf(query).toString();
        return visit.redirect(onTheWayTo(SIGN_IN_PATH, ACCOUNT_PATH + (search === '' ? '' : `?${search}`)));
      }
      return visit.page(await viewOf(needs, visit, { session, ...query }));
    });
  },
);

/** The page to look at one's account on. */
export const accountPages = [showAccount] as const;

async function viewOf(
  { accounts, profile, threepids, validation }: Needs,
  visit: Visit,
  asked: { session: BrowserSession; action?: string; device_id?: string },
): Promise<Page> {
  const { userId } = asked.session;
  const deviceId = parseDeviceId(asked.device_id ?? '');
  switch (asked.action) {
    case 'org.matrix.profile':
      return profileView(visit, await profile.get(userId), await threepids.of(userId));
    case 'org.matrix.device_view':
    case 'org.matrix.session_view':
      if (deviceId === undefined) break;
      return deviceView(visit, await accounts.device(userId, deviceId));
    case 'org.matrix.device_delete':
    case 'org.matrix.session_end':
      if (deviceId === undefined) break;
      return deviceDeletion(visit, await accounts.device(userId, deviceId));
    case 'org.matrix.devices_list':
    case 'org.matrix.sessions_list':
      break;
    case 'org.matrix.account_deactivate':
      return deactivationView(visit, userId);
    case 'org.matrix.cross_signing_reset':
      return crossSigningView(visit);
    case 'add_contact':
      return contactView(visit, validation);
    case 'password':
      return passwordView(visit, undefined);
    default:
      return overview(visit, userId);
  }
  return devicesView(await accounts.devices(userId));
}
