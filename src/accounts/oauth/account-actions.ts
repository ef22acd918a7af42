/** Where people manage their accounts. */
export const ACCOUNT_PATH = '/account';

/** The action by which people allow that their cross-signing keys are replaced. */
export const CROSS_SIGNING_RESET = 'org.matrix.cross_signing_reset';

/** Actions of the account page (Client-Server API, "Account management URL actions"). */
export const ACCOUNT_ACTIONS = [
  'org.matrix.profile',
  'org.matrix.devices_list',
  'org.matrix.device_view',
  'org.matrix.device_delete',
  'org.matrix.account_deactivate',
  CROSS_SIGNING_RESET,
] as const;

/** The names that some of them had before they were in the specification. */
export const OLDER_ACCOUNT_ACTIONS = [
  'org.matrix.sessions_list',
  'org.matrix.session_view',
  'org.matrix.session_end',
] as const;

/** The address of the account page for an action. */
export function accountPage(baseUrl: string, action: (typeof ACCOUNT_ACTIONS)[number]): string {
  return `${baseUrl}${ACCOUNT_PATH}?${new URLSearchParams({ action }).toString()}`;
}
