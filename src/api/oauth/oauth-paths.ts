/** Paths of the authorisation server. Clients find them by its metadata. */
export const OAUTH_PATHS = {
  authorize: '/oauth2/authorize',
  token: '/oauth2/token',
  revoke: '/oauth2/revoke',
  register: '/oauth2/clients',
  deviceAuthorization: '/oauth2/device',
  /** Where people type the code that another device shows. */
  link: '/link',
} as const;
