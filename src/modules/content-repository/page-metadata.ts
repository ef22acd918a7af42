import { nextTurn } from '../../platform/next-turn.ts';
import { OpenElements } from './open-elements.ts';

/** What a page says of itself. */
export interface PageMetadata {
  /** OpenGraph properties such as `og:title`, without those of pictures. */
  readonly properties: ReadonlyMap<string, string>;
  /** Addresses of pictures that may stand for the page, the best first; relative to `base`. */
  readonly images: readonly string[];
  /** What relative addresses are relative to, if the page says so. */
  readonly base: string | undefined;
}

const PIECE = 16_384;
/** A page is read no further where more elements are open: the parser's work for each grows with them. */
const DEEPEST = 512;
const LONGEST_VALUE = 1_000;
const MOST_PROPERTIES = 50;
/** A description made of the text of the page has about so many characters. */
const ENOUGH_TEXT = 300;
/** Elements whose text is not what the page is about. */
const NOT_TEXT: ReadonlySet<string> = new Set([
  ...['script', 'style', 'noscript', 'template', 'svg', 'iframe', 'select', 'button', 'form'],
  ...['nav', 'header', 'footer', 'aside', 'menu', 'figure', 'title', 'head'],
]);

/**
 * Reads what a page says of itself: OpenGraph, what Twitter made of it, and plain HTML, in this order. Others have their
 * turn between the pieces of a long page, and the time goes with its length, whatever it is made of.
 */
export async function readPageMetadata(html: string): Promise<PageMetadata> {
  const { Parser } = await import('htmlparser2');
  const reader = new PageReader();
  const parser = new Parser({
    onopentag: (name, attributes) => reader.open(name, attributes),
    ontext: (text) => reader.text(text),
    onclosetag: (name) => reader.close(name),
  });
  for (let at = 0; at < html.length && !reader.hasEnough && !reader.isTooDeep; at += PIECE) {
    if (at > 0) await nextTurn();
    parser.write(html.slice(at, at + PIECE));
  }
  parser.end();
  return reader.metadata();
}

/** Collects from the elements of a page as they come. */
class PageReader {
  readonly #meta = new Map<string, string>();
  readonly #open = new OpenElements(NOT_TEXT);
  readonly #texts = { title: '', h1: '', paragraph: '' };
  #paragraphs = '';
  #base: string | undefined;
  #linkedImage: string | undefined;
  #firstImage: string | undefined;
  #inBody = false;

  /** Whether nothing that comes later would change anything. */
  get hasEnough(): boolean {
    return this.#inBody && this.#paragraphs.length >= ENOUGH_TEXT && this.#images().length > 0;
  }

  get isTooDeep(): boolean {
    return this.#open.depth > DEEPEST;
  }

  open(name: string, attributes: Readonly<Record<string, string>>): void {
    this.#open.open(name);
    if (name === 'body') this.#inBody = true;
    if (name === 'meta') this.#readMeta(attributes);
    if (name === 'base') this.#base ??= attributes.href;
    if (name === 'link' && attributes.rel?.toLowerCase() === 'image_src')
      this.#linkedImage ??= attributes.href;
    if (name === 'img' && isLargeEnough(attributes)) this.#firstImage ??= attributes.src;
  }

  text(text: string): void {
    if (this.#open.innermost === 'title' && !this.#open.has('svg')) this.#add('title', text);
    else if (this.#open.has('h1')) this.#add('h1', text);
    else if (!this.#open.isInSpecial && this.#open.has('p')) this.#add('paragraph', text);
  }

  close(name: string): void {
    this.#open.close(name);
    if (name !== 'p' || this.#paragraphs.length >= ENOUGH_TEXT) return;
    this.#paragraphs = `${this.#paragraphs} ${tidy(this.#texts.paragraph)}`.trim();
    this.#texts.paragraph = '';
  }

  metadata(): PageMetadata {
    const properties = new Map<string, string>();
    const put = (name: string, values: readonly (string | undefined)[]) => {
      const value = values.map((one) => tidy(one ?? '')).find((one) => one !== '');
      if (value !== undefined && properties.size < MOST_PROPERTIES) properties.set(name, value);
    };
    const { title, h1 } = this.#texts;
    put('og:title', [this.#meta.get('og:title'), this.#meta.get('twitter:title'), title, h1]);
    put('og:description', [
      this.#meta.get('og:description'),
      this.#meta.get('twitter:description'),
      this.#meta.get('description'),
      this.#paragraphs,
    ]);
    for (const [name, value] of this.#meta) {
      if (/^og:[\w:.-]+$/.test(name) && !isOfImage(name) && !properties.has(name)) put(name, [value]);
    }
    return { properties, images: this.#images(), base: this.#base };
  }

  #images(): string[] {
    const named = ['og:image', 'og:image:url', 'og:image:secure_url', 'twitter:image', 'twitter:image:src'];
    const found = [...named.map((name) => this.#meta.get(name)), this.#linkedImage, this.#firstImage];
    return found.filter((address): address is string => address !== undefined && address !== '');
  }

  #readMeta(attributes: Readonly<Record<string, string>>): void {
    const name = (attributes.property ?? attributes.name)?.toLowerCase();
    if (name === undefined || this.#meta.has(name)) return;
    if (attributes.content === undefined || attributes.content.trim() === '') return;
    if (/^(og:|twitter:|description$)/.test(name) && this.#meta.size < 2 * MOST_PROPERTIES) {
      this.#meta.set(name, attributes.content.slice(0, 4 * LONGEST_VALUE));
    }
  }

  #add(to: 'title' | 'h1' | 'paragraph', text: string): void {
    if (this.#texts[to].length < LONGEST_VALUE) this.#texts[to] += text.slice(0, LONGEST_VALUE);
  }
}

/** Properties of the picture are those of the copy that is given out, but for what is said of it in words. */
function isOfImage(name: string): boolean {
  return name === 'og:image' || (name.startsWith('og:image:') && name !== 'og:image:alt');
}

/** Pictures that say that they are tiny are there to count readers, or to decorate. */
function isLargeEnough({ src, width, height }: Readonly<Record<string, string>>): boolean {
  const isSmall = (length: string | undefined) => length !== undefined && Number(length) < 32;
  return src !== undefined && !src.startsWith('data:') && !isSmall(width) && !isSmall(height);
}

function tidy(text: string): string {
  const short = text.replace(/\s+/g, ' ').trim().slice(0, LONGEST_VALUE);
  return short.toWellFormed().replaceAll('\0', '');
}
