import type { Accounts } from '../../accounts/accounts.ts';
import type { BrowserSession, BrowserSessions } from '../../accounts/browser-sessions.ts';
import { ACCOUNT_PATH } from '../../accounts/oauth/account-actions.ts';
import type { CrossSigningResets } from '../../accounts/oauth/cross-signing-resets.ts';
import { threepidOf } from '../../accounts/threepids/threepid-addresses.ts';
import type { Profile } from '../../modules/profile/index.ts';
import { deviceId } from '../../protocol/identifiers.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import { suspended } from '../../wire/callers.ts';
import { endpoint, type Reply } from '../../wire/endpoint.ts';
import { answeringWithPages, Visit } from '../visit.ts';
import { donePage, passwordView } from './account-views.ts';
import { addContact, finishContact, type ContactNeeds } from './contact-forms.ts';
import { onTheWayTo, SIGN_IN_PATH } from './next-page.ts';

interface Needs extends ContactNeeds {
  readonly browserSessions: BrowserSessions;
  readonly accounts: Accounts;
  readonly profile: Profile;
  readonly crossSigningResets: CrossSigningResets;
}

/** A form that somebody sent who is signed in. */
interface Sent {
  readonly visit: Visit;
  readonly session: BrowserSession;
  readonly fields: URLSearchParams;
}

/** What only somebody may do who signed in a short time ago. */
const GRAVE = ['add_contact', 'allow_cross_signing_reset', 'change_password', 'deactivate', 'finish_contact'];

/** What others see: accounts that are suspended may not (Client-Server API, "Account suspension"). */
const PUBLIC = ['rename', 'remove_picture'];

/** POST {account_management_uri}: what the forms of the account page do. */
const changeAccount = endpoint(
  { id: 'accountForm', method: 'POST', paths: [ACCOUNT_PATH], auth: 'none', limit: 'login', body: 'bytes' },
  async (needs: Needs, request) => {
    const visit = await Visit.of(needs.browserSessions, request);
    return answeringWithPages(visit, async () => {
      const fields = await visit.fields(request.body);
      const { session } = visit;
      if (!session || (!session.isFresh && GRAVE.includes(fields.get('do') ?? ''))) {
        return visit.redirect(onTheWayTo(SIGN_IN_PATH, ACCOUNT_PATH));
      }
      return change(needs, { visit, session, fields });
    });
  },
);

/** What the forms of the account page are sent to. */
export const accountForms = [changeAccount] as const;

async function change(needs: Needs, sent: Sent): Promise<Reply> {
  const { visit, session, fields } = sent;
  const { userId } = session;
  const text = (name: string) => fields.get(name) ?? '';
  if (PUBLIC.includes(text('do')) && (await needs.accounts.isSuspended(userId))) throw suspended();
  switch (text('do')) {
    case 'rename': {
      const name = text('displayname').trim();
      await needs.profile.set(userId, userId, 'displayname', name === '' ? undefined : name);
      return visit.page(donePage('Your name is changed.'));
    }
    case 'remove_picture':
      await needs.profile.set(userId, userId, 'avatar_url', undefined);
      return visit.page(donePage('Your picture is removed.'));
    case 'remove_threepid':
      await needs.threepids.remove(userId, threepidOf(text('medium'), text('address')), undefined);
      return visit.page(donePage('It is removed.'));
    case 'add_contact':
      return addContact(needs, visit, fields);
    case 'finish_contact':
      return finishContact(needs, visit, userId, fields);
    case 'rename_device':
      await needs.accounts.renameDevice(userId, deviceId(text('device_id')), text('name').slice(0, 100));
      return visit.page(donePage('The device has its new name.'));
    case 'end_device':
      await needs.accounts.endDevices(userId, [deviceId(text('device_id'))]);
      return visit.page(donePage('The device is signed out.'));
    case 'change_password':
      return changePassword(needs, sent);
    case 'deactivate':
      await needs.accounts.deactivate(userId, text('erase') === 'yes');
      await needs.threepids.unbindAllOf(userId, undefined);
      return visit.page({ title: 'Closed', body: '<p role="status">Your account is closed.</p>' });
    case 'allow_cross_signing_reset':
      await needs.crossSigningResets.allow(userId);
      return visit.page(donePage('It is allowed for ten minutes. Go back to your client.'));
    case 'sign_out':
      await needs.browserSessions.close(visit.token);
      return visit.redirect(onTheWayTo(SIGN_IN_PATH, ACCOUNT_PATH), needs.browserSessions.newToken());
    default:
      throw invalidParam('The form does not say what to do');
  }
}

async function changePassword(needs: Needs, { visit, session, fields }: Sent): Promise<Reply> {
  const password = fields.get('password') ?? '';
  try {
    if (password !== fields.get('repeated')) throw invalidParam('The two passwords are not the same');
    const keep = fields.get('end_devices') === 'yes' ? undefined : 'keep all';
    await needs.accounts.setPassword(session.userId, password, keep);
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error;
    return visit.page({ ...passwordView(visit, error.message), status: error.status });
  }
  return visit.page(donePage('Your password is changed. Sign in with it from now on.'));
}
