import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { Page } from 'playwright-core';
import { TestIdentityProvider } from '../../src/testing/identity/identity-provider.ts';
import { TestClient } from '../../src/testing/client/test-client.ts';
import { fillIn, inBrowser, status } from './pages.ts';

const V1 = '/_matrix/client/api/v1';
const V2 = '/_matrix/client/v2_alpha';

const elsewhere = await TestIdentityProvider.start();
after(() => elsewhere.close());

/** Opens the page of a stage at its path of 2015. */
async function openStage(page: Page, url: string, type: string, session: string): Promise<void> {
  await page.goto(`${url}${V2}/auth/${type}/fallback/web?session=${session}`);
}

inBrowser(
  '2015: pages for a password, a token and nothing at all call onAuthDone [A018 partial]',
  async ({ url, anonymous, person, visitor }) => {
    const { page } = await visitor();
    const calls: string[] = [];
    await page.exposeFunction('onAuthDone', () => void calls.push(page.url()));

    const wishes = { username: 'bob', password: 'bob password' };
    const asked = await anonymous().ask('POST', `${V2}/register`, wishes);
    await openStage(page, url, 'm.login.dummy', asked.body.session);
    await page.getByRole('button', { name: 'Go on' }).click();
    await status(page);
    assert.equal(calls.length, 1);
    const done = await anonymous().ok('POST', `${V2}/register`, {
      ...wishes,
      auth: { session: asked.body.session },
    });
    assert.equal(done.user_id, '@bob:localhost');

    const alice = await person('alice');
    const change = { new_password: 'another password' };
    const start = async (): Promise<string> =>
      (await alice.ask('POST', `${V2}/account/password`, change)).body.session;
    const session = await start();
    await openStage(page, url, 'm.login.password', session);
    await fillIn(page, { 'Your password': 'wrong' }, 'Go on');
    await page.getByRole('alert').waitFor();
    assert.equal(calls.length, 1, 'it is not done');
    await fillIn(page, { 'Your password': 'alice password' }, 'Go on');
    await status(page);
    assert.equal(calls.length, 2);
    await alice.ok('POST', `${V2}/account/password`, { ...change, auth: { session } });

    const auth = { type: 'm.login.password', user: 'alice', password: 'another password' };
    const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', { auth });
    const second = await start();
    await openStage(page, url, 'm.login.token', second);
    await fillIn(page, { 'User name': 'alice', 'Login token': 'wrong' }, 'Go on');
    await page.getByRole('alert').waitFor();
    assert.equal(calls.length, 2);
    await fillIn(page, { 'User name': 'alice', 'Login token': token }, 'Go on');
    await status(page);
    assert.equal(calls.length, 3);
    await alice.ok('POST', `${V2}/account/password`, { ...change, auth: { session: second } });
  },
);

inBrowser(
  '2015: the page for OAuth2 leads to the service and back, and calls onAuthDone [A018 partial]',
  async ({ url, anonymous, visitor }) => {
    elsewhere.serve(`${url}/account/sso-callback`);
    const { page } = await visitor();
    const signIn = async (at: Page) => {
      await at.getByRole('button', { name: 'Continue with Elsewhere' }).click();
      await at.getByPlaceholder('Enter any login').fill('dora');
      await at.getByPlaceholder('and password').fill('anything');
      await at.getByRole('button', { name: 'Sign-in' }).click();
      await at.getByRole('button', { name: 'Continue' }).click();
    };
    const { uri } = await anonymous().ok('POST', `${V1}/login`, { type: 'm.login.oauth2', user: 'dora' });
    await page.goto(uri);
    await signIn(page);
    await page.getByText('access_token').waitFor();
    const credentials = JSON.parse(await page.locator('body').innerText());
    const dora = new TestClient(url, credentials.access_token);

    const { page: other } = await visitor();
    const calls: string[] = [];
    await other.exposeFunction('onAuthDone', () => void calls.push(other.url()));
    const change = { new_password: 'dora password' };
    const { session } = (await dora.ask('POST', `${V2}/account/password`, change)).body;
    await openStage(other, url, 'm.login.oauth2', session);
    await signIn(other);
    assert.match(await status(other), /That is done/);
    assert.equal(calls.length, 1);
    await dora.ok('POST', `${V2}/account/password`, { ...change, auth: { session } });
  },
  elsewhere.settings(),
);
