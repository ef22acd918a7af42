import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchKeys } from './search-key.ts';
import { SearchQuery } from './search-query.ts';
import { foldText, piecesOf, termsOfPiece } from './search-text.ts';
import { roomId } from '../identifiers.ts';

const terms = (text: string) => piecesOf(foldText(text)).flatMap(termsOfPiece);

test('Texts are cut into words, and runs without spaces into characters and pairs', () => {
  assert.deepEqual(terms("It's Ünïcode, ok?"), ['it', 's', 'unicode', 'ok']);
  assert.deepEqual(terms('v2的新版'), ['v2', '的', '新', '版', '的新', '新版']);
  assert.deepEqual(terms('ｆｕｌｌ'), ['full']);
  assert.deepEqual(terms('हिन्दी العربية'), ['हिन्दी', 'العربية']);
  assert.deepEqual(terms('  …!  '), []);
});

test('A text that misses a word has no rank; more and shorter is better', () => {
  const query = new SearchQuery('red apple');
  assert.equal(query.rank('a red car'), undefined);
  const once = query.rank('one red apple among a lot of other things') ?? 0;
  const twice = query.rank('red apple red apple and other things too') ?? 0;
  const short = query.rank('red apple') ?? 0;
  assert.ok(short > once && twice > once && once > 0);
});

test('A run is found where its characters follow each other', () => {
  const query = new SearchQuery('北京大学');
  assert.notEqual(query.rank('我在北京大学'), undefined);
  assert.equal(query.rank('大学在北京'), undefined);
});

test('Long queries ask the index for a few terms', () => {
  const query = new SearchQuery(Array.from({ length: 100 }, (_, i) => `word${i}`).join(' '));
  assert.equal(query.terms.length, 8);
  assert.equal(query.highlights.length, 32);
  assert.deepEqual(new SearchQuery('?!').terms, []);
});

test('Keys are safe integers and differ by room and term', () => {
  const one = searchKeys(roomId('!one:x'));
  const two = searchKeys(roomId('!two:x'));
  const keys = ['a', 'b', 'ab', 'ba', 'word', '北京'].flatMap((term) => [one(term), two(term)]);
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(keys.every((key) => Number.isSafeInteger(key) && key >= 0));
  assert.equal(one('word'), one('word'));
});
