import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseClientMetadata } from '../../accounts/oauth/client-metadata.ts';
import { clientCard, languagesOf } from './client-card.ts';

const metadata = parseClientMetadata({
  client_uri: 'https://client.example.org/',
  client_name: 'A <b>client</b>',
  'client_name#de': 'Ein Programm',
  'client_name#de-AT': 'A Programmerl',
  'tos_uri#fr': 'https://client.example.org/fr?a=b&c=d',
  tos_uri: 'https://client.example.org/terms',
  redirect_uris: ['https://client.example.org/'],
} as Parameters<typeof parseClientMetadata>[0]);

void test('languages are taken from the best to the worst', () => {
  assert.deepEqual(languagesOf('de;q=0.5, fr-CH, en;q=0, *;q=0.1, it;q=0.7'), ['fr-CH', 'it', 'de']);
  assert.deepEqual(languagesOf(undefined), []);
});

void test('a client is shown in the language of who reads, and as text [B018 partial]', () => {
  const card = (header: string) => clientCard(metadata, 'DEVICE<i>', languagesOf(header));
  assert.match(card('de-AT'), /<strong>A Programmerl<\/strong>/);
  assert.match(card('de-DE'), /<strong>Ein Programm<\/strong>/);
  assert.match(card('ja'), /<strong>A &#60;b&#62;client&#60;\/b&#62;<\/strong>/);
  assert.match(card('ja'), /href="https:\/\/client\.example\.org\/terms"/);
  assert.doesNotMatch(card('fr'), /<b>|<i>|b&c/);
});
