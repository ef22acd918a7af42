import { Readable } from 'node:stream';
import { boundedCache } from '../../platform/bounded-cache.ts';
import { OutgoingError, type OutgoingAnswer, type OutgoingHttp } from '../../platform/outgoing-http.ts';
import { KeyedTaskQueue } from '../../platform/keyed-task-queue.ts';
import { QueueFull, TaskQueue } from '../../platform/task-queue.ts';
import { contentUriText } from '../../protocol/content-uri.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import type { Spool } from '../../storage/blobs/spool.ts';
import { tooManyRequests } from '../../wire/register-endpoints.ts';
import { decodePage } from './html-charset.ts';
import { readPageMetadata } from './page-metadata.ts';
import { readPicture } from './pictures.ts';
import type { Uploads } from './uploads.ts';

export interface UrlPreviewsNeeds {
  readonly outgoing: OutgoingHttp;
  readonly spool: Spool;
  readonly uploads: Uploads;
  readonly clock: { now(): number };
  readonly enabled: boolean;
  /** Most of a page or picture that is read, in bytes. */
  readonly maxBytes: number;
  /** Pixels of the largest picture that is kept. */
  readonly maxPixels: number;
}

/** What became of looking at a page: the preview as JSON text, or why there is none. */
type Outcome = { readonly text: string } | { readonly error: MatrixError };

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Pictures of previews are kept so long: clients show a preview for as long as a conversation is open. */
const PICTURE_MS = 72 * HOUR_MS;
const MOST_CACHED = 500;
const AT_ONCE = 16;
const MOST_WAITING = 100;
/** Of one user, so that nobody's links keep others from theirs. */
const AT_ONCE_OF_USER = 2;
const MOST_WAITING_OF_USER = 50;
const WAIT_MS = 5_000;
const TIMEOUT_MS = 10_000;
const MOST_REDIRECTS = 5;
const LONGEST_URL = 4_096;
/** Most of a page that is looked through, in bytes: what matters stands at its beginning. */
const PAGE_BYTES = 2_097_152;
const HEADERS = {
  'user-agent': 'Mozilla/5.0 (compatible; Myelin; bot that previews links in Matrix)',
  'accept-language': 'en, *;q=0.5',
  'accept-encoding': 'identity',
};

/** Looks up what people link to (Client-Server API, "Content repository", `preview_url`). */
export class UrlPreviews {
  readonly #needs: UrlPreviewsNeeds;
  readonly #queue = new TaskQueue({ atOnce: AT_ONCE, waiting: MOST_WAITING });
  readonly #shares = new KeyedTaskQueue<UserId>({ atOnce: AT_ONCE_OF_USER, waiting: MOST_WAITING_OF_USER });
  readonly #cache = boundedCache<string, Outcome>(MOST_CACHED, HOUR_MS);
  readonly #underWay = new Map<string, Promise<Outcome>>();

  constructor(needs: UrlPreviewsNeeds) {
    this.#needs = needs;
  }

  /**
   * The OpenGraph data of a page, as JSON text, at most an hour old. Those who ask for the same at once wait for one
   * request, and each user has two at once.
   *
   * @throws MatrixError 400 M_INVALID_PARAM for what is no address; 403 M_FORBIDDEN for an address that the server may not
   *   reach, and where previews are off (MSC4452); 502 M_UNKNOWN for one that does not answer as it should; 429
   *   M_LIMIT_EXCEEDED where too many wait, of the user or in all.
   */
  async preview(userId: UserId, address: string): Promise<string> {
    if (!this.#needs.enabled) throw forbidden('This server makes no previews');
    const url = normalized(address);
    const outcome =
      this.#cache.get(url) ?? (await (this.#underWay.get(url) ?? this.#lookInTurn(userId, url)));
    if ('error' in outcome) throw outcome.error;
    return outcome.text;
  }

  /** What another has looked at meanwhile is not looked at again. */
  #lookInTurn(userId: UserId, url: string): Promise<Outcome> {
    const look = async () => this.#cache.get(url) ?? (await this.#lookOnce(url));
    return this.#shares.run(userId, look).catch(waitOrFail);
  }

  #lookOnce(url: string): Promise<Outcome> {
    let looking = this.#underWay.get(url);
    if (!looking) {
      looking = this.#queue.run(() => this.#outcome(url));
      this.#underWay.set(url, looking);
      const forget = () => void this.#underWay.delete(url);
      looking.then(forget, forget);
    }
    return looking;
  }

  /** Failures are remembered, too, for a shorter time, so that nobody is asked again and again through this server. */
  async #outcome(url: string): Promise<Outcome> {
    let outcome: Outcome;
    try {
      outcome = { text: JSON.stringify(await this.#look(url)) };
    } catch (error) {
      outcome = { error: whyNot(error) };
    }
    this.#cache.set(url, outcome, { ttl: 'error' in outcome ? MINUTE_MS : HOUR_MS });
    return outcome;
  }

  async #look(url: string): Promise<JsonObject> {
    const answer = await this.#fetch(url, 'text/html, application/xhtml+xml, image/*;q=0.8, */*;q=0.1');
    const type = answer.headers['content-type'] ?? '';
    if (/^image\//i.test(type)) return (await this.#keepPicture(answer)) ?? {};
    if (!/^(text\/html|application\/xhtml\+xml)\b/i.test(type)) return {};
    const page = await readPageMetadata(decodePage(answer.body.subarray(0, PAGE_BYTES), type));
    const base = resolve(page.base ?? '', answer.url) ?? answer.url;
    const [image] = page.images;
    const imageUrl = image === undefined ? undefined : resolve(image, base);
    const picture = imageUrl === undefined ? undefined : await this.#fetchPicture(imageUrl);
    return { ...Object.fromEntries(page.properties), ...picture };
  }

  /** A picture that cannot be had is left out. */
  async #fetchPicture(url: string): Promise<JsonObject | undefined> {
    try {
      return await this.#keepPicture(await this.#fetch(url, 'image/*'));
    } catch (error) {
      if (error instanceof OutgoingError || error instanceof MatrixError) return undefined;
      throw error;
    }
  }

  async #fetch(url: string, accept: string): Promise<OutgoingAnswer> {
    const answer = await this.#needs.outgoing.request({
      method: 'GET',
      url,
      headers: { ...HEADERS, accept },
      timeoutMs: TIMEOUT_MS,
      maxBytes: this.#needs.maxBytes,
      whenTooLarge: 'cut',
      maxRedirects: MOST_REDIRECTS,
      // People link to ever new machines: connections to all of them would leave no room for others.
      keepOpen: false,
    });
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw new MatrixError(
      502,
      'M_UNKNOWN',
      `The page could not be had: its server answered ${answer.status}`,
    );
  }

  /** Keeps a copy of a picture and says what it is like; undefined if it is none, or was too large to be had whole. */
  async #keepPicture({ body }: OutgoingAnswer): Promise<JsonObject | undefined> {
    const { spool, uploads, maxBytes, maxPixels, clock } = this.#needs;
    if (body.length >= maxBytes) return undefined;
    const file = await spool.receive(Readable.from([body]), maxBytes);
    const picture = await readPicture(file.path, maxPixels).catch(() => undefined);
    if (!picture) {
      await file.discard();
      return undefined;
    }
    const { type } = picture.format;
    const uri = await uploads.keepOwn(file, type, clock.now() + PICTURE_MS);
    return {
      'og:image': contentUriText(uri),
      'og:image:type': type,
      'og:image:width': picture.width,
      'og:image:height': picture.height,
      'matrix:image:size': file.bytes,
    };
  }
}

/** The address without what stays in the browser. */
function normalized(address: string): string {
  if (address.length > LONGEST_URL || !URL.canParse(address)) throw noAddress();
  const url = new URL(address);
  if (!['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    throw noAddress();
  url.hash = '';
  return url.href;
}

function resolve(address: string, base: string): string | undefined {
  return URL.canParse(address, base) ? new URL(address, base).href : undefined;
}

function noAddress(): MatrixError {
  return invalidParam(`"url" must be an http: or https: address of at most ${LONGEST_URL} characters`);
}

function whyNot(error: unknown): MatrixError {
  if (error instanceof MatrixError) return error;
  if (!(error instanceof OutgoingError)) throw error;
  if (error.reason === 'blocked') return forbidden('This server may not reach that address');
  if (error.reason === 'bad-url') return noAddress();
  return new MatrixError(502, 'M_UNKNOWN', `The page could not be had: ${error.message}`);
}

function waitOrFail(error: unknown): never {
  throw error instanceof QueueFull ? tooManyRequests(WAIT_MS) : error;
}
