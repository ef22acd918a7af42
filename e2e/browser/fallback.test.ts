import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after } from 'node:test';
import type { Page } from 'playwright-core';
import { TestIdentityProvider } from '../../src/testing/identity/identity-provider.ts';
import { MailSink } from '../../src/testing/gateways/mail-sink.ts';
import type { TestClient } from '../../src/testing/client/test-client.ts';
import { fillIn, inBrowser, status } from './pages.ts';

/** The real script draws a riddle; what counts is the field in which its answer is sent. */
const RIDDLE = `
const draw = () => {
  const field = document.createElement('input');
  Object.assign(field, { type: 'hidden', name: 'g-recaptcha-response', value: 'solved' });
  document.querySelector('.g-recaptcha').append(field);
};
if (document.readyState === 'loading') addEventListener('DOMContentLoaded', draw);
else draw();
`;

const mails = await MailSink.start();
const elsewhere = await TestIdentityProvider.start();
const riddles = createServer((request, response) => {
  const isScript = request.url === '/api.js';
  response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'application/json' });
  response.end(isScript ? RIDDLE : '{"success":true}');
});
await once(riddles.listen(0, '127.0.0.1'), 'listening');
const riddleUrl = `http://127.0.0.1:${(riddles.address() as AddressInfo).port}`;
after(async () => {
  elsewhere.close();
  riddles.close();
  riddles.closeAllConnections();
  await mails.close();
});

/** Notes what a page calls when it is done, as a client with a browser inside of it does. */
async function embedded(page: Page): Promise<string[]> {
  const calls: string[] = [];
  await page.exposeFunction('onAuthDone', () => void calls.push('onAuthDone'));
  return calls;
}

/** Opens the page of a stage. */
async function openStage(
  page: Page,
  client: TestClient,
  type: string,
  session: string,
  version = 'v3',
): Promise<void> {
  await page.goto(`${client.base}/_matrix/client/${version}/auth/${type}/fallback/web?session=${session}`);
}

inBrowser(
  'each stage of a registration is completed on its page, which calls onAuthDone [B010 partial] [A018 partial]',
  async ({ anonymous, visitor }) => {
    const client = anonymous();
    const wishes = { username: 'bob', password: 'bob password' };
    const { session } = (await client.ask('POST', '/v3/register', wishes)).body;
    const { page } = await visitor();
    const calls = await embedded(page);

    await openStage(page, client, 'm.login.registration_token', session);
    await fillIn(page, { 'Registration token': 'wrong' }, 'Go on');
    assert.match(await page.getByRole('alert').innerText(), /not valid/);
    assert.equal(calls.length, 0);
    await fillIn(page, { 'Registration token': 'letmein' }, 'Go on');
    await status(page);
    assert.equal(calls.length, 1);

    await openStage(page, client, 'm.login.terms', session);
    await page.getByRole('button', { name: 'I accept' }).click();
    await status(page);

    await openStage(page, client, 'm.login.recaptcha', session, 'v2_alpha');
    await page.locator('[name=g-recaptcha-response]').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Go on' }).click();
    await status(page);

    await openStage(page, client, 'm.login.email.identity', session, 'v2_alpha');
    await fillIn(page, { 'Mail address': 'bob@example.org' }, 'Send me a mail');
    const { page: mailed } = await visitor();
    await page.getByText('Open the link in the mail').waitFor();
    const link = mails.link('bob@example.org');
    await mailed.goto(client.base + link.pathname + link.search);
    await mailed.getByRole('button', { name: 'Confirm' }).click();
    assert.match(await status(mailed), /confirmed/);
    await page.getByRole('button', { name: 'Go on' }).click();
    await status(page);
    assert.equal(calls.length, 4);
    const done = await client.ok('POST', '/v3/register', { ...wishes, auth: { session } });
    assert.equal(done.user_id, '@bob:localhost');
  },
  {
    MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true',
    MYELIN_REGISTRATION_TOKENS: 'letmein',
    MYELIN_TERMS_POLICIES: 'privacy|1.0|en|Privacy policy|https://example.org/privacy',
    MYELIN_RECAPTCHA_SITE_KEY: 'key',
    MYELIN_RECAPTCHA_SECRET: 'secret',
    MYELIN_RECAPTCHA_VERIFY_URL: `${riddleUrl}/verify`,
    MYELIN_RECAPTCHA_SCRIPT_URL: `${riddleUrl}/api.js`,
    MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
    MYELIN_MAIL_SMTP_URL: mails.url,
    MYELIN_THREEPIDS_REGISTRATION_EMAIL: 'required',
  },
);

inBrowser(
  'a stage in a window of its own tells the client that opened it [B010 partial]',
  async ({ person, visitor }) => {
    const alice = await person('alice');
    const path = `/v3/devices/${alice.deviceId}`;
    const { session } = (await alice.ask('DELETE', path, {})).body;
    const { page, context } = await visitor();
    await page.goto(`${alice.base}/`);
    const popup = context.waitForEvent('page');
    const told = page.evaluate<[string, string]>(`new Promise((resolve) => {
      addEventListener('message', (event) => resolve([event.data, event.origin]));
      open('/_matrix/client/v3/auth/m.login.password/fallback/web?session=${session}');
    })`);
    await fillIn(await popup, { 'Your password': 'alice password' }, 'Go on');
    assert.deepEqual(await told, ['authDone', alice.base]);
    await alice.ok('DELETE', path, { auth: { session } });
  },
);

inBrowser(
  'the stage of single sign-on leads to an identity provider and back [B076 partial]',
  async ({ url, visitor, anonymous }) => {
    elsewhere.serve(`${url}/account/sso-callback`);
    const { page } = await visitor();
    const calls = await embedded(page);
    const signIn = async () => {
      await page.getByPlaceholder('Enter any login').fill('dora');
      await page.getByPlaceholder('and password').fill('anything');
      await page.getByRole('button', { name: 'Sign-in' }).click();
      await page.getByRole('button', { name: 'Continue' }).click();
    };
    await page.goto(`${url}/account/sign-in`);
    await page.getByRole('link', { name: 'Continue with Elsewhere' }).click();
    await signIn();
    await page.getByText('@dora:localhost').waitFor();
    await page.goto(`${url}/_matrix/client/v3/login/sso/redirect?redirectUrl=${url}/health`);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(/loginToken=/);
    const token = new URL(page.url()).searchParams.get('loginToken');
    const session = await anonymous().ok('POST', '/v3/login', { type: 'm.login.token', token });
    const dora = anonymous();
    dora.token = session.access_token;
    const path = `/v3/devices/${session.device_id}`;
    const asked = await dora.ask('DELETE', path, {});
    await openStage(page, dora, 'm.login.sso', asked.body.session);
    await page.getByText('wants to delete device').waitFor();
    await page.getByRole('button', { name: 'Continue with Elsewhere' }).click();
    assert.match(await status(page), /That is done/);
    assert.equal(calls.length, 1);
    await dora.ok('DELETE', path, { auth: { session: asked.body.session } });
  },
  elsewhere.settings(),
);

inBrowser(
  'the login fallback hands its answer to the client, and the first page says what this is [B012 partial]',
  async ({ url, person, visitor }) => {
    await person('alice');
    const { page } = await visitor();
    const logins: { user_id: string; device_id: string }[] = [];
    await page.exposeFunction('noteLogin', (login: { user_id: string; device_id: string }) => {
      logins.push(login);
    });
    await page.addInitScript('window.matrixLogin = { onLogin: (login) => window.noteLogin(login) };');
    await page.goto(`${url}/_matrix/static/client/login/?device_id=FALLBACK`);
    await fillIn(page, { 'User name': 'alice', Password: 'wrong password' }, 'Log in');
    await page.getByText('is wrong').waitFor();
    await fillIn(page, { Password: 'alice password' }, 'Log in');
    await page.getByText('You are logged in').waitFor();
    assert.equal(logins[0]?.user_id, '@alice:localhost');
    assert.equal(logins[0].device_id, 'FALLBACK');
    await page.goto(url);
    assert.match(await page.getByRole('heading', { level: 1 }).innerText(), /localhost/);
  },
);
