import type { JsonObject } from '../../protocol/json.ts';
import type { DeviceRow } from '../../storage/accounts/devices-store.ts';
import type { ThreepidRow } from '../../storage/accounts/threepids-store.ts';
import { ACCOUNT_PATH } from '../../accounts/oauth/account-actions.ts';
import { escapeHtml, type Page } from '../page.ts';
import type { Visit } from '../visit.ts';

/** A link to another view of the account page. */
function viewLink(action: string, title: string, deviceId?: string): string {
  const search = new URLSearchParams({ action, ...(deviceId === undefined ? {} : { device_id: deviceId }) });
  return `<a href="${ACCOUNT_PATH}?${escapeHtml(search.toString())}">${escapeHtml(title)}</a>`;
}

const BACK = `<p><a href="${ACCOUNT_PATH}">Back to your account</a></p>`;

/** All that one can do. */
export function overview(visit: Visit, userId: string): Page {
  const views = [
    viewLink('org.matrix.profile', 'Your profile'),
    viewLink('org.matrix.devices_list', 'Your devices'),
    viewLink('password', 'Change your password'),
    viewLink('org.matrix.cross_signing_reset', 'Reset your cryptographic identity'),
    viewLink('org.matrix.account_deactivate', 'Close your account'),
  ];
  return {
    title: 'Your account',
    body: `<p>You are signed in as <strong>${escapeHtml(userId)}</strong>.</p>
<ul>
${views.map((view) => `<li>${view}</li>`).join('\n')}
</ul>
${visit.form('<button>Sign out of this page</button>', { do: 'sign_out' }, ACCOUNT_PATH)}`,
  };
}

/** What was done. */
export function donePage(what: string): Page {
  return { title: 'Done', body: `<p role="status">${escapeHtml(what)}</p>\n${BACK}` };
}

/** Name, addresses and numbers. */
export function profileView(visit: Visit, profile: JsonObject, threepids: readonly ThreepidRow[]): Page {
  const name = typeof profile.displayname === 'string' ? profile.displayname : '';
  const hasPicture = typeof profile.avatar_url === 'string';
  const picture = hasPicture
    ? visit.form('<button>Remove your picture</button>', { do: 'remove_picture' }, ACCOUNT_PATH)
    : '<p>You have no picture. Your client can set one.</p>';
  const rows = threepids.map(({ medium, address }) => {
    const remove = visit.form(
      '<button>Remove</button>',
      { do: 'remove_threepid', medium, address },
      ACCOUNT_PATH,
    );
    return `<li>${escapeHtml(address)}\n${remove}</li>`;
  });
  const contacts = rows.length === 0 ? '<p>None.</p>' : `<ul>\n${rows.join('\n')}\n</ul>`;
  const field = `<label for="displayname">Name that others see</label>
<input id="displayname" name="displayname" maxlength="256" value="${escapeHtml(name)}">
<button>Save</button>`;
  return {
    title: 'Your profile',
    body: `${visit.form(field, { do: 'rename' }, ACCOUNT_PATH)}\n${picture}
<h2>Mail addresses and phone numbers</h2>\n${contacts}\n<p>${viewLink('add_contact', 'Add one')}</p>\n${BACK}`,
  };
}

/** The devices, each with a link to what is known of it. */
export function devicesView(devices: readonly DeviceRow[]): Page {
  const rows = devices.map((device) => {
    const link = viewLink(
      'org.matrix.device_view',
      device.display_name ?? device.device_id,
      device.device_id,
    );
    return `<li>${link}${device.last_seen_at === null ? '' : `, last seen ${timeText(device.last_seen_at)}`}</li>`;
  });
  const list = rows.length === 0 ? '<p>You have none.</p>' : `<ul>\n${rows.join('\n')}\n</ul>`;
  return { title: 'Your devices', body: `${list}\n${BACK}` };
}

/** One device. */
export function deviceView(visit: Visit, device: DeviceRow): Page {
  const facts = [
    ['Device', device.device_id],
    ['Last seen', device.last_seen_at === null ? 'never' : timeText(device.last_seen_at)],
    ['From', device.last_seen_ip ?? 'unknown'],
    ['Program', device.user_agent ?? 'unknown'],
  ].map(([name = '', value = '']) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`);
  const field = `<label for="name">Name</label>
<input id="name" name="name" maxlength="100" value="${escapeHtml(device.display_name ?? '')}">
<button>Save</button>`;
  const fields = { do: 'rename_device', device_id: device.device_id };
  return {
    title: device.display_name ?? device.device_id,
    body: `<dl>\n${facts.join('\n')}\n</dl>
${visit.form(field, fields, ACCOUNT_PATH)}
<p>${viewLink('org.matrix.device_delete', 'Sign this device out', device.device_id)}</p>
<p>${viewLink('org.matrix.devices_list', 'All devices')}</p>`,
  };
}

/** Whether a device is to be signed out. */
export function deviceDeletion(visit: Visit, device: DeviceRow): Page {
  const fields = { do: 'end_device', device_id: device.device_id };
  return {
    title: 'Sign this device out?',
    body: `<p><strong>${escapeHtml(device.display_name ?? device.device_id)}</strong>
(<code>${escapeHtml(device.device_id)}</code>) loses access to your account. Messages that only it could decrypt cannot be
read any more.</p>
${visit.form('<button>Sign it out</button>', fields, ACCOUNT_PATH)}
<p>${viewLink('org.matrix.devices_list', 'Keep it')}</p>`,
  };
}

/** Another password. */
export function passwordView(visit: Visit, error: string | undefined): Page {
  const alert = error === undefined ? '' : `<p role="alert">${escapeHtml(error)}.</p>\n`;
  const fields = `<label for="password">New password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required>
<label for="repeated">The password again</label>
<input id="repeated" name="repeated" type="password" autocomplete="new-password" required>
<p><label><input type="checkbox" name="end_devices" value="yes"> Sign all devices out</label></p>
<button>Change it</button>`;
  return {
    title: 'Change your password',
    body: `${alert}${visit.form(fields, { do: 'change_password' }, ACCOUNT_PATH)}\n${BACK}`,
  };
}

/** Whether the account is to be closed. */
export function deactivationView(visit: Visit, userId: string): Page {
  const fields = `<p><label><input type="checkbox" name="erase" value="yes"> Delete my profile and settings, and hide my messages from people who join later</label></p>
<button>Close my account for good</button>`;
  return {
    title: 'Close your account?',
    body: `<p><strong>${escapeHtml(userId)}</strong> leaves all rooms, all devices are signed out, and nobody can ever use this name
again. This cannot be undone.</p>
${visit.form(fields, { do: 'deactivate' }, ACCOUNT_PATH)}\n${BACK}`,
  };
}

/** Whether the cross-signing keys may be replaced. */
export function crossSigningView(visit: Visit): Page {
  return {
    title: 'Reset your cryptographic identity?',
    body: `<p>Your client asks to replace the keys by which others verify you. Allow it only if you have lost all other devices and
your recovery key: everybody who verified you has to do that again. If you did not ask for this, somebody else may be using your
account.</p>
${visit.form('<button>Allow it</button>', { do: 'allow_cross_signing_reset' }, ACCOUNT_PATH)}\n${BACK}`,
  };
}

function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
