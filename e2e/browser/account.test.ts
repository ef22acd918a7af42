import assert from 'node:assert/strict';
import { fillIn, inBrowser, status } from './pages.ts';

const SIGN_IN = { 'User name or mail address': 'alice', Password: 'alice password' };

inBrowser('people look after their account in a browser [B022 partial]', async ({ url, person, visitor }) => {
  const alice = await person('alice');
  const login = { type: 'm.login.password', user: 'alice', password: 'alice password' };
  await alice.ok('POST', '/v3/login', { ...login, device_id: 'LOST' });
  const { page, context } = await visitor();
  await page.goto(`${url}/account`);
  await fillIn(page, SIGN_IN, 'Sign in');
  const [cookie] = await context.cookies();
  assert.equal(cookie?.httpOnly, true);
  assert.equal(cookie.sameSite, 'Lax');

  await page.getByRole('link', { name: 'Your profile' }).click();
  await fillIn(page, { 'Name that others see': 'Alice <b>' }, 'Save');
  assert.match(await status(page), /name is changed/);
  const profile = await alice.ok('GET', '/v3/profile/@alice:localhost');
  assert.equal(profile.displayname, 'Alice <b>');

  await page.getByRole('link', { name: 'Back to your account' }).click();
  await page.getByRole('link', { name: 'Your devices' }).click();
  await page.getByRole('link', { name: 'LOST' }).click();
  await fillIn(page, { Name: 'Lost phone' }, 'Save');
  await page.goto(`${url}/account?action=org.matrix.device_delete&device_id=LOST`);
  await page.getByText('Lost phone').waitFor();
  await page.getByRole('button', { name: 'Sign it out' }).click();
  assert.match(await status(page), /signed out/);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/devices/LOST');

  await page.goto(`${url}/account?action=org.matrix.cross_signing_reset`);
  await page.getByRole('button', { name: 'Allow it' }).click();
  assert.match(await status(page), /ten minutes/);

  await page.goto(`${url}/account?action=password`);
  const words = { 'New password': 'another password', 'The password again': 'another password' };
  await fillIn(page, words, 'Change it');
  assert.match(await status(page), /password is changed/);

  await page.goto(`${url}/account?action=org.matrix.account_deactivate`);
  await fillIn(page, { ...SIGN_IN, Password: 'another password' }, 'Sign in');
  await page.getByRole('button', { name: 'Close my account for good' }).click();
  assert.match(await status(page), /closed/);
  await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
});
