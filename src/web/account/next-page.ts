import { ACCOUNT_PATH } from '../../accounts/oauth/account-actions.ts';

/** Where people sign in and make accounts with a browser. */
export const SIGN_IN_PATH = '/account/sign-in';
export const REGISTER_PATH = '/account/register';

const LONGEST = 16_384;

/** Where to go after signing in: a path of this server, whatever was asked for. */
export function nextPage(asked: string | null | undefined): string {
  const base = 'https://this.invalid';
  if (asked === null || asked === undefined || asked.length > LONGEST) return ACCOUNT_PATH;
  if (!asked.startsWith('/') || !URL.canParse(asked, base)) return ACCOUNT_PATH;
  const url = new URL(asked, base);
  // A browser takes two slashes for the beginning of another host.
  const isHere = url.origin === base && !url.pathname.startsWith('//');
  return isHere ? url.pathname + url.search : ACCOUNT_PATH;
}

/** The page to sign in on, or to make an account on, that leads to another. */
export function onTheWayTo(path: typeof SIGN_IN_PATH | typeof REGISTER_PATH, next: string): string {
  return `${path}?${new URLSearchParams({ next }).toString()}`;
}

/** The query of a request as it can be repeated. */
export function searchOf(query: Readonly<Record<string, unknown>>): URLSearchParams {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) search.append(name, String(one));
  }
  return search;
}
