import assert from 'node:assert/strict';

/** A page as a person without scripts has it. */
export interface TestPage {
  readonly status: number;
  readonly headers: Headers;
  /** Where it came from, after redirects within the server. */
  readonly url: string;
  readonly html: string;
  /** Where the browser was sent outside of the server, if it was. */
  readonly sentTo: string | undefined;
}

/** A browser without scripts: cookies, redirects, links and forms. */
export class TestBrowser {
  readonly #base: string;
  readonly #others: readonly string[];
  readonly #cookies = new Map<string, string>();
  /** The page that is shown. */
  page: TestPage = { status: 0, headers: new Headers(), url: '', html: '', sentTo: undefined };

  /** @param others further addresses to which redirects are followed. */
  constructor(base: string, others: readonly string[] = []) {
    this.#base = base;
    this.#others = others;
  }

  /** What it would send to the server as its `Cookie` header. */
  get cookies(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  /** Opens a path of the server, or an address on it. */
  open(address: string): Promise<TestPage> {
    return this.#load('GET', new URL(address, this.#base).href, undefined);
  }

  /** Follows the link with this text. */
  follow(text: string): Promise<TestPage> {
    const link = [...this.page.html.matchAll(/<a href="([^"]*)"[^>]*>([^<]*)<\/a>/g)].find(
      ([, , shown]) => unescape(shown ?? '') === text,
    );
    assert.ok(link, `There is no link "${text}" on ${this.page.url}`);
    return this.open(new URL(unescape(link[1] ?? ''), this.page.url).href);
  }

  /** Fills in the n-th form of the page and sends it. */
  submit(values: Readonly<Record<string, string>>, nth = 0): Promise<TestPage> {
    const forms = [...this.page.html.matchAll(/<form([^>]*)>([\s\S]*?)<\/form>/g)];
    const [, attributes = '', inside = ''] = forms[nth] ?? [];
    assert.ok(forms[nth], `${this.page.url} has no form number ${nth}: ${this.page.html}`);
    const fields = new URLSearchParams();
    for (const [input] of inside.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
      fields.set(attribute(input, 'name') ?? '', attribute(input, 'value') ?? '');
    }
    for (const [name, value] of Object.entries(values)) fields.set(name, value);
    const action = new URL(attribute(attributes, 'action') ?? this.page.url, this.page.url);
    if (attribute(attributes, 'method') === 'get') {
      action.search = fields.toString();
      return this.#load('GET', action.href, undefined);
    }
    return this.#load('POST', action.href, fields.toString());
  }

  async #load(method: string, address: string, body: string | undefined): Promise<TestPage> {
    const response = await fetch(address, {
      method,
      redirect: 'manual',
      headers: {
        cookie: this.cookies,
        ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(body === undefined ? {} : { body }),
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      this.#cookies.set(name, value);
    }
    const html = await response.text();
    const location = response.headers.get('location');
    if (location === null) {
      return (this.page = pageOf(response, address, html));
    }
    const target = new URL(location, address);
    if ([this.#base, ...this.#others].includes(target.origin))
      return this.#load('GET', target.href, undefined);
    return (this.page = { ...pageOf(response, address, html), sentTo: location });
  }
}

function pageOf(response: Response, url: string, html: string): TestPage {
  return { status: response.status, headers: response.headers, url, html, sentTo: undefined };
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescape(value);
}

function unescape(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&amp;', '&');
}
