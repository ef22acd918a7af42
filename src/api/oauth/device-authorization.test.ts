import assert from 'node:assert/strict';
import { OAuthTestClient, WEB_CLIENT } from '../../testing/client/oauth-client.ts';
import { TestBrowser } from '../../testing/client/test-browser.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const SCOPE = 'urn:matrix:client:api:* urn:matrix:client:device:';

/** A clock that tests move. */
const time = { ms: Date.now(), now: () => time.ms };

function poll(oauth: OAuthTestClient, deviceCode: string) {
  return oauth.post('token_endpoint', {
    grant_type: GRANT,
    device_code: deviceCode,
    client_id: oauth.clientId,
  });
}

onServers(
  'a device without a browser asks, waits, and is let in on another [B020]',
  async ({ person, anonymous }) => {
    await person('alice');
    const oauth = await OAuthTestClient.register(anonymous().base);
    const started = await oauth.post('device_authorization_endpoint', {
      client_id: oauth.clientId,
      scope: `${SCOPE}TELEVISION`,
    });
    assert.equal(started.status, 200);
    const { device_code: deviceCode, user_code: userCode, interval } = started.body;
    assert.match(userCode, /^[B-Z]{4}-[B-Z]{4}$/);
    assert.equal(interval, 5);
    assert.ok(started.body.expires_in > 600);
    assert.equal((await poll(oauth, deviceCode)).body.error, 'authorization_pending');
    assert.equal((await poll(oauth, deviceCode)).body.error, 'slow_down');
    time.ms += 5_000;
    assert.equal((await poll(oauth, deviceCode)).body.error, 'slow_down', 'the interval has grown');
    time.ms += 15_000;
    assert.equal((await poll(oauth, deviceCode)).body.error, 'authorization_pending');

    const browser = new TestBrowser(anonymous().base);
    await browser.open(started.body.verification_uri);
    await browser.submit({ user: 'alice', password: 'alice password' });
    await browser.submit({ user_code: 'BBBB-BBBB' });
    assert.equal(browser.page.status, 404);
    await browser.submit({ user_code: ` ${userCode.toLowerCase().replace('-', ' ')} ` });
    assert.match(browser.page.html, /TELEVISION/);
    assert.ok(browser.page.html.includes(userCode));
    await browser.submit({ decision: 'allow' });
    assert.match(browser.page.html, /Go on with your other device/);

    const answers = await Promise.all([poll(oauth, deviceCode), poll(oauth, deviceCode)]);
    const granted = answers.filter(({ status }) => status === 200);
    assert.equal(granted.length, 1, 'the device code is good once');
    const tokens = granted[0]?.body;
    assert.equal(tokens.scope, `${SCOPE}TELEVISION`);
    assert.ok(tokens.refresh_token);
    const me = await new TestClient(anonymous().base, tokens.access_token).ok('GET', '/v3/account/whoami');
    assert.equal(me.device_id, 'TELEVISION');
    assert.equal((await oauth.refresh(tokens.refresh_token)).status, 200);
  },
  { overrides: { clock: time } },
);

onServers(
  'device codes that are refused, expired, or another client’s give nothing [B020 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const oauth = await OAuthTestClient.register(anonymous().base);
    const other = await OAuthTestClient.register(anonymous().base, { ...WEB_CLIENT, client_name: 'Other' });
    const start = async () =>
      (
        await oauth.post('device_authorization_endpoint', {
          client_id: oauth.clientId,
          scope: `${SCOPE}TELEVISION`,
        })
      ).body;
    const [refused, late] = [await start(), await start()];
    assert.equal((await poll(other, refused.device_code)).body.error, 'invalid_grant');
    const browser = new TestBrowser(anonymous().base);
    await browser.open(refused.verification_uri_complete);
    await browser.submit({ user: 'alice', password: 'alice password' });
    assert.ok(browser.page.html.includes(refused.user_code));
    await browser.submit({ decision: 'deny' });
    assert.equal((await poll(oauth, refused.device_code)).body.error, 'access_denied');
    time.ms += late.expires_in * 1_000;
    assert.equal((await poll(oauth, late.device_code)).body.error, 'expired_token');
    assert.equal((await browser.open(late.verification_uri_complete)).status, 404);
    const wrong = await oauth.post('device_authorization_endpoint', {
      client_id: oauth.clientId,
      scope: 'openid',
    });
    assert.equal(wrong.body.error, 'invalid_scope');
    const unable = await OAuthTestClient.register(anonymous().base, {
      ...WEB_CLIENT,
      grant_types: ['authorization_code', 'refresh_token'],
    });
    const unasked = await unable.post('device_authorization_endpoint', {
      client_id: unable.clientId,
      scope: `${SCOPE}TELEVISION`,
    });
    assert.equal(unasked.body.error, 'unauthorized_client');
  },
  { overrides: { clock: time } },
);
