import type { TestClient } from './test-client.ts';

/** Interactive authentication by the password that a `TestClient` registers with. */
export const passwordAuth = (name: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: name },
  password: `${name} password`,
});

/** Presses the button of the page to which the link in a mail leads: looking at it proves nothing. */
export async function pressButton(client: TestClient, link: URL): Promise<Response> {
  return fetch(client.base + link.pathname, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: link.searchParams.toString(),
  });
}
