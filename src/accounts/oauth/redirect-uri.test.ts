import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRedirectUriAllowed, isRegisteredRedirectUri } from './redirect-uri.ts';

const WEB = [
  'https://example.com/callback',
  'https://app.example.com/callback',
  'https://example.com:5173/?query=value',
];
const NATIVE = [
  'com.example.app:/callback',
  'com.example:/',
  'com.example:callback',
  'http://localhost/callback',
  'http://127.0.0.1/callback',
  'http://[::1]/callback',
];
const NEVER = [
  'https://example.com/callback#fragment',
  'https://example.com/callback#',
  'http://example.com/callback',
  'https://user@example.com/callback',
  'https://user:password@example.com/callback',
  'https://example.com.evil.com/callback',
  'https://evilexample.com/callback',
  'https://example.com\\.evil.com/callback',
  'https://exam ple.com/',
  'https://',
  'example:/callback',
  'com.example.app://callback',
  'com.examples:/callback',
  'com.evil:/callback',
  'https://localhost/callback',
  'http://localhost:1234/callback',
  'http://localhost.evil.com/callback',
  'http://localhost@evil.com/callback',
  'javascript:alert(1)',
  '',
];

void test('redirect URIs of web and native clients [B018 partial]', () => {
  for (const uri of WEB) {
    assert.ok(isRedirectUriAllowed(uri, 'web', 'example.com'), uri);
    assert.ok(isRedirectUriAllowed(uri, 'native', 'example.com'), uri);
  }
  for (const uri of NATIVE) {
    assert.ok(!isRedirectUriAllowed(uri, 'web', 'example.com'), uri);
    assert.ok(isRedirectUriAllowed(uri, 'native', 'example.com'), uri);
  }
  for (const uri of NEVER) {
    assert.ok(!isRedirectUriAllowed(uri, 'web', 'example.com'), uri);
    assert.ok(!isRedirectUriAllowed(uri, 'native', 'example.com'), uri);
  }
});

void test('a redirect URI must be one that was registered, but for the port on the loopback interface [B018 partial]', () => {
  const registered = ['http://127.0.0.1/cb', 'https://example.com/cb', 'com.example:/cb'];
  for (const uri of [...registered, 'http://127.0.0.1:4711/cb']) {
    assert.ok(isRegisteredRedirectUri(uri, registered), uri);
  }
  for (const uri of [
    'http://127.0.0.1:4711/other',
    'http://localhost:4711/cb',
    'https://example.com:444/cb',
    'https://example.com/cb/',
    'https://example.com/cb?x=1',
    'http://127.0.0.1:4711@evil.com/cb',
  ]) {
    assert.ok(!isRegisteredRedirectUri(uri, registered), uri);
  }
});
