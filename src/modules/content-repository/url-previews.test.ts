import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import sharp from 'sharp';
import { onServers } from '../../testing/server/test-server.ts';
import { decodePage } from './html-charset.ts';
import { readPageMetadata } from './page-metadata.ts';
import { get, OLD, V1 } from './testing/media-client.ts';

type Page = (request: IncomingMessage, response: ServerResponse) => void;

/** A site with pages by path, and how often each was asked for. */
async function site(pages: Record<string, Page>) {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.set(path, (asked.get(path) ?? 0) + 1);
    const page = pages[path];
    if (page) page(request, response);
    else response.writeHead(404).end('nothing here');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked: (path: string) => asked.get(path) ?? 0,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const sends =
  (type: string, body: string | Buffer): Page =>
  (_request, response) =>
    void response.writeHead(200, { 'content-type': type }).end(body);

const LOCAL = { env: { MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8' } };
const preview = (url: string) => `${V1}/preview_url?url=${encodeURIComponent(url)}`;

onServers(
  'a page is previewed by what it says of itself, with a copy of its picture [B042 partial]',
  async (s) => {
    const noise = { type: 'gaussian' as const, mean: 128, sigma: 30 };
    const png = await sharp({ create: { width: 279, height: 129, channels: 3, background: 'red', noise } })
      .png()
      .toBuffer();
    const web = await site({
      '/test.html': sends(
        'text/html',
        `<html prefix="og: http://ogp.me/ns#"><head><title>The Rock (1996)</title>
         <meta property="og:title" content="The Rock" /><meta property="og:type" content="video.movie" />
         <meta property="og:url" content="http://www.imdb.com/title/tt0117500/" />
         <meta property="og:image" content="test.png" /><meta property="og:image:width" content="99999" />
         </head><body></body></html>`,
      ),
      '/test.png': sends('image/png', png),
      '/alone': sends('Image/PNG', png),
      '/no-picture': sends('text/html', '<meta property="og:image" content="/gone.png"><title>T</title>'),
      '/svg': sends('text/html', '<meta property="og:image" content="/picture.svg"><title>T</title>'),
      '/picture.svg': sends('image/svg+xml', '<svg xmlns="http://www.w3.org/2000/svg"/>'),
      '/data': sends('application/json', '{}'),
    });
    try {
      const alice = await s.person('alice');
      const both = [preview(`${web.url}/test.html`), preview(`${web.url}/test.html#part`)];
      const answers = await Promise.all([...both, ...both].map((path) => alice.ok('GET', path)));
      const old = `${OLD}/preview_url?ts=1510610716656&url=${encodeURIComponent(`${web.url}/test.html`)}`;
      for (const { 'og:image': image, ...rest } of [...answers, await alice.ok('GET', old)]) {
        assert.deepEqual(rest, {
          'og:title': 'The Rock',
          'og:type': 'video.movie',
          'og:url': 'http://www.imdb.com/title/tt0117500/',
          'og:image:type': 'image/png',
          'og:image:width': 279,
          'og:image:height': 129,
          'matrix:image:size': png.length,
        });
        const copy = await get(alice, `${V1}/download/${String(image).replace('mxc://', '')}`);
        assert.ok(copy.bytes.equals(png));
      }
      assert.deepEqual([web.asked('/test.html'), web.asked('/test.png')], [1, 1]);
      const alone = await alice.ok('GET', preview(`${web.url}/alone`));
      assert.equal(alone['og:image:width'], 279);
      for (const path of ['/no-picture', '/svg']) {
        assert.deepEqual(await alice.ok('GET', preview(web.url + path)), { 'og:title': 'T' });
      }
      assert.deepEqual(await alice.ok('GET', preview(`${web.url}/data`)), {});
      await s.anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', preview(`${web.url}/test.html`));
    } finally {
      await web.close();
    }
  },
  LOCAL,
);

onServers(
  'what cannot be had for a preview is said, and not asked for again and again',
  async (s) => {
    const web = await site({
      '/away': (_request, response) => void response.writeHead(302, { location: '/there' }).end(),
      '/there': sends('text/html', '<title>There</title>'),
      '/inside': (_request, response) => void response.writeHead(302, { location: 'http://10.1.2.3/' }).end(),
      '/round': (_request, response) => void response.writeHead(302, { location: '/round' }).end(),
      '/endless': (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        response.write('<title>Endless</title>');
        const write = (): void => {
          while (!response.destroyed && response.write(' '.repeat(65_536)));
        };
        response.on('drain', write).on('error', () => undefined);
        write();
      },
    });
    try {
      const alice = await s.person('alice');
      assert.deepEqual(await alice.ok('GET', preview(`${web.url}/away`)), { 'og:title': 'There' });
      assert.deepEqual(await alice.ok('GET', preview(`${web.url}/endless`)), { 'og:title': 'Endless' });
      for (let i = 0; i < 3; i++) await alice.fails(502, 'M_UNKNOWN', 'GET', preview(`${web.url}/nothing`));
      assert.equal(web.asked('/nothing'), 1);
      await alice.fails(502, 'M_UNKNOWN', 'GET', preview(`${web.url}/round`));
      await alice.fails(502, 'M_UNKNOWN', 'GET', preview('http://127.0.0.1:1/'));
      await alice.fails(403, 'M_FORBIDDEN', 'GET', preview(`${web.url}/inside`));
      await alice.fails(403, 'M_FORBIDDEN', 'GET', preview('http://[::1]/'));
      for (const wrong of [
        'nothing',
        'ftp://example.org/',
        'javascript:alert(1)',
        'http://a:b@example.org/',
      ]) {
        await alice.fails(400, 'M_INVALID_PARAM', 'GET', preview(wrong));
      }
      await alice.fails(400, 'M_MISSING_PARAM', 'GET', `${V1}/preview_url`);
    } finally {
      await web.close();
    }
  },
  { env: { ...LOCAL.env, MYELIN_MEDIA_PREVIEW_MAX_BYTES: '1000000' } },
);

onServers(
  'nothing on the server’s own networks is previewed unless that is allowed [B042 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const web = await site({ '/': sends('text/html', '<title>Secret</title>') });
    try {
      await alice.fails(403, 'M_FORBIDDEN', 'GET', preview(`${web.url}/`));
      await alice.fails(403, 'M_FORBIDDEN', 'GET', preview(`${web.url.replace('127.0.0.1', 'localhost')}/`));
      assert.equal(web.asked('/'), 0);
    } finally {
      await web.close();
    }
  },
);

test('pages are read in the encoding that they are in', () => {
  const umlauts = Buffer.from('<title>\xe4\xf6\xfc</title>', 'latin1');
  const cyrillic = Buffer.from('<meta charset="windows-1251"><title>\xcf\xf0\xe8</title>', 'latin1');
  const japanese = Buffer.concat([Buffer.from('<title>'), Buffer.from('82a082a2', 'hex')]);
  for (const [bytes, type, expected] of [
    [Buffer.from('<title>äöü</title>'), 'text/html', 'äöü'],
    [umlauts, 'text/html', 'äöü'],
    [umlauts, 'text/html; charset=ISO-8859-1', 'äöü'],
    [umlauts, 'text/html; charset=no-such-thing', 'äöü'],
    [cyrillic, 'text/html', 'При'],
    [japanese, 'text/html; charset="Shift_JIS"', 'あい'],
    [Buffer.from('\ufeff<title>あ</title>', 'utf16le'), 'text/html; charset=utf-8', 'あ'],
    [Buffer.from('<meta charset="utf-16"><title>あ</title>'), 'text/html', 'あ'],
    [Buffer.from('<?xml version="1.0" encoding="utf-8"?><title>あ</title>'), 'application/xhtml+xml', 'あ'],
    [Buffer.from('<title>äöü \ufffd cut あ').subarray(0, -1), 'text/html', 'äöü'],
  ] as const) {
    assert.ok(decodePage(bytes, type).includes(expected), `${type}: ${decodePage(bytes, type)}`);
  }
});

test('where a page has no OpenGraph, the rest of it is used', async () => {
  const read = async (html: string) => {
    const { properties, images, base } = await readPageMetadata(html);
    return { ...Object.fromEntries(properties), images, base };
  };
  assert.deepEqual(
    await read(
      `<base href="/x/"><title> A
       title </title><meta name="twitter:title" content="Twitter's"><meta name=description content="Plain &amp; short">
       <meta name="twitter:image" content=" "><meta name="twitter:image" content="t.png"><meta property="og:image:alt" content="A bird">`,
    ),
    {
      'og:title': "Twitter's",
      'og:description': 'Plain & short',
      'og:image:alt': 'A bird',
      images: ['t.png'],
      base: '/x/',
    },
  );
  assert.deepEqual(
    await read(
      `<body><script>document.write("<p>no</p>")</script><nav><p>Menu</p></nav><header><h1>Head<b>line</b></h1></header>
       <img src="dot.gif" width=1 height=1><img src="data:image/png;base64,AA=="><img src="large.png">
       <p>First<p>Second <i>words</i></p>`,
    ),
    {
      'og:title': 'Headline',
      'og:description': 'First Second words',
      images: ['large.png'],
      base: undefined,
    },
  );
  const { properties } = await readPageMetadata(
    `<title>${'x'.repeat(5_000)}</title>${Array.from({ length: 500 }, (_, i) => `<meta property="og:k${i}" content="v">`).join('')}`,
  );
  assert.equal(properties.size, 50);
  assert.equal(properties.get('og:title')?.length, 1_000);
});

onServers(
  'no connection is kept open to a machine that was looked at for a preview',
  async (s) => {
    const closed: Promise<unknown>[] = [];
    const web = await site({
      '/away': (_request, response) => void response.writeHead(302, { location: '/there' }).end(),
      '/there': ({ socket }, response) => {
        closed.push(once(socket, 'close', { signal: AbortSignal.timeout(5_000) }));
        response
          .writeHead(200, { 'content-type': 'text/html', 'keep-alive': 'timeout=600' })
          .end('<title>T</title>');
      },
    });
    try {
      const alice = await s.person('alice');
      assert.deepEqual(await alice.ok('GET', preview(`${web.url}/away`)), { 'og:title': 'T' });
      assert.equal((await Promise.all(closed)).length, 1);
    } finally {
      await web.close();
    }
  },
  LOCAL,
);

onServers(
  'a page of elements that are never closed does not hold up the server',
  async (s) => {
    const web = await site({
      '/open': sends('text/html', `<title>Open</title><body>${'<b>x'.repeat(60_000)}`),
      '/closed': sends('text/html', `<title>Closed</title><body>${'<i><b>x</i></u>&amp;'.repeat(60_000)}`),
    });
    try {
      const alice = await s.person('alice');
      const begun = performance.now();
      assert.deepEqual(await alice.ok('GET', preview(`${web.url}/open`)), { 'og:title': 'Open' });
      assert.deepEqual(await alice.ok('GET', preview(`${web.url}/closed`)), { 'og:title': 'Closed' });
      const took = performance.now() - begun;
      assert.ok(took < 4_000, `it took ${took} ms`);
    } finally {
      await web.close();
    }
  },
  LOCAL,
);

onServers(
  'links of one person to pages that do not answer keep nobody else from previews',
  async (s) => {
    const slow: ServerResponse[] = [];
    const { promise: areSlow, resolve } = Promise.withResolvers<void>();
    const paths = Array.from({ length: 40 }, (_, i) => `/slow${i}`);
    const hold: Page = (_request, response) => {
      slow.push(response);
      if (slow.length === 2) resolve();
    };
    const pages = Object.fromEntries(paths.map((path) => [path, hold]));
    const web = await site({ ...pages, '/good': sends('text/html', '<title>Good</title>') });
    try {
      const [mallory, alice] = [await s.person('mallory'), await s.person('alice')];
      const waiting = paths.map((path) => mallory.ask('GET', preview(web.url + path)));
      await areSlow;
      assert.deepEqual(await alice.ok('GET', preview(`${web.url}/good`)), { 'og:title': 'Good' });
      assert.equal(slow.length, 2, 'none of those links has come to an end yet');
      await web.close();
      await Promise.all(waiting);
    } finally {
      await web.close();
    }
  },
  LOCAL,
);

test('others have their turn while a long page is read', async () => {
  let turns = 0;
  let timer = setImmediate(function turn() {
    turns += 1;
    timer = setImmediate(turn);
  });
  await readPageMetadata('<i>x</i>'.repeat(50_000));
  clearImmediate(timer);
  assert.ok(turns > 10, `${turns} turns`);
});
