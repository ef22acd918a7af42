import type { Readable } from 'node:stream';
import type { FederationClient } from '../../federation/federation-client.ts';
import { FederationError } from '../../federation/federation-error.ts';
import type { WireAnswer } from '../../federation/transport/server-transport.ts';
import type { OutgoingHttp } from '../../platform/outgoing-http.ts';
import type { ContentUri } from '../../protocol/content-uri.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { mediaTypeOf, namedFile } from '../../protocol/served-content.ts';
import { TooManyBytes, type ReceivedFile, type Spool } from '../../storage/blobs/spool.ts';
import type { Database } from '../../storage/database.ts';
import * as store from '../../storage/media-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { tooManyRequests } from '../../wire/register-endpoints.ts';
import type { ContentStore } from './content-store.ts';
import { boundaryOf, readMediaPart } from './multipart-media.ts';
import type { RemoteMedia } from './remote-media.ts';

export interface FederatedMediaNeeds {
  readonly client: FederationClient;
  readonly outgoing: OutgoingHttp;
  readonly database: Database;
  readonly contents: ContentStore;
  readonly spool: Spool;
  /** Counts a fetch for a user or an address: milliseconds to wait if there were too many. */
  readonly takeFetch: (fetcher: string) => number | undefined;
  /** Is told of the bytes of each file that is kept. */
  readonly onKept: (bytes: number) => void;
  /** Bytes of the largest file that is fetched. */
  readonly maxBytes: number;
}

/** A file that was fetched, with what its server said of it. */
interface Fetched {
  readonly file: ReceivedFile;
  readonly type: string | undefined;
  readonly disposition: string | undefined;
}

/** How long fetching one file may take, in milliseconds. */
const PATIENCE_MS = 120_000;
const LONGEST_WAIT_MS = 60_000;
/**
 * Servers from before version 1.11 of the specification have only paths that anybody may use: that of version 3, and in 2015
 * that of version 1.
 */
const OLD_VERSIONS = ['v3', 'v1'] as const;

/** Fetches content of other servers when it is first asked for, and keeps it (Server-Server API, "Content Repository"). */
export class FederatedMedia implements RemoteMedia {
  readonly #needs: FederatedMediaNeeds;
  readonly #underWay = new Map<string, Promise<store.MediaRow | undefined>>();

  constructor(needs: FederatedMediaNeeds) {
    this.#needs = needs;
  }

  async obtain(
    uri: ContentUri,
    wish: { timeoutMs: number; fetcher?: string | undefined },
  ): Promise<store.MediaRow | undefined> {
    const known = await store.get(this.#needs.database, uri.origin, uri.mediaId);
    if (known && known.hash !== null) return known;
    const key = `${uri.origin}/${uri.mediaId}`;
    let fetching = this.#underWay.get(key);
    if (!fetching) {
      const waitMs = wish.fetcher === undefined ? undefined : this.#needs.takeFetch(wish.fetcher);
      if (waitMs !== undefined) throw tooManyRequests(waitMs);
      fetching = this.#obtain(uri, Math.min(wish.timeoutMs, LONGEST_WAIT_MS)).finally(() =>
        this.#underWay.delete(key),
      );
      this.#underWay.set(key, fetching);
    }
    return fetching;
  }

  async #obtain(uri: ContentUri, waitMs: number): Promise<store.MediaRow | undefined> {
    const { database, contents } = this.#needs;
    const { file, type, disposition } = await this.#fetch(uri, waitMs);
    const keptAt = await contents.keep(file);
    const unit = new UnitOfWork();
    const { hash, bytes } = file;
    const content = { hash, bytes, contentType: mediaTypeOf(type), fileName: namedFile(disposition) };
    store.insertFetched(unit, uri, content, keptAt);
    await database.commit(unit);
    this.#needs.onKept(bytes);
    return store.get(database, uri.origin, uri.mediaId);
  }

  async #fetch(uri: ContentUri, waitMs: number): Promise<Fetched> {
    const { client } = this.#needs;
    const query = { timeout_ms: waitMs };
    const path = `/_matrix/federation/v1/media/download/${uri.mediaId}`;
    const request = { method: 'GET', timeoutMs: PATIENCE_MS + waitMs } as const;
    let refusal: unknown;
    try {
      return await client.stream(uri.origin, { ...request, path, query }, (answer) =>
        judged(uri, this.#readParts(answer)),
      );
    } catch (error) {
      refusal = error;
    }
    for (const version of OLD_VERSIONS) {
      if (!(refusal instanceof FederationError && refusal.isUnknownPath)) break;
      const old = `/_matrix/media/${version}/download/${uri.origin}/${uri.mediaId}`;
      const unsigned = { ...request, path: old, query: { ...query, allow_remote: false }, signed: false };
      try {
        return await client.stream(uri.origin, unsigned, async ({ body, headers }) => ({
          file: await judged(uri, this.#receive(body)).finally(() => body.destroy()),
          type: headers['content-type'],
          disposition: headers['content-disposition'],
        }));
      } catch (error) {
        refusal = error;
      }
    }
    throw translate(refusal, this.#needs.maxBytes);
  }

  /** A body that is left unread would take up its connection, so none is, whatever becomes of it. */
  async #readParts({ headers, body }: WireAnswer): Promise<Fetched> {
    try {
      const boundary = boundaryOf(headers['content-type']);
      if (boundary === undefined) throw new Error('The answer is not multipart/mixed');
      const part = await readMediaPart(body, boundary);
      const { location } = part.headers;
      if (location === undefined) {
        const file = await this.#receive(part.content);
        return { file, type: part.headers['content-type'], disposition: part.headers['content-disposition'] };
      }
      body.destroy();
      return await this.#follow(location);
    } finally {
      body.destroy();
    }
  }

  /** The address may be good for a moment only: it is followed at once, and not kept. */
  async #follow(url: string): Promise<Fetched> {
    const wanted = { method: 'GET', url, timeoutMs: PATIENCE_MS, maxRedirects: 3, keepOpen: false } as const;
    return this.#needs.outgoing.stream(wanted, async ({ status, headers }, body) => {
      try {
        if (status !== 200) throw new Error(`What the answer points to answers ${status}`);
        const file = await this.#receive(body);
        return { file, type: headers['content-type'], disposition: headers['content-disposition'] };
      } finally {
        body.destroy();
      }
    });
  }

  #receive(source: Readable): Promise<ReceivedFile> {
    return this.#needs.spool.receive(source, this.#needs.maxBytes);
  }
}

/** What goes wrong with an answer that came is not the way to its server. */
async function judged<Result>(uri: ContentUri, reading: Promise<Result>): Promise<Result> {
  try {
    return await reading;
  } catch (cause) {
    const message = `${uri.origin} did not give the content as it should`;
    throw new FederationError(uri.origin, 'bad-answer', message, { cause });
  }
}

/** What is said to whoever asked for the content. */
function translate(error: unknown, maxBytes: number): MatrixError {
  const inner = error instanceof FederationError && error.cause !== undefined ? error.cause : error;
  if (inner instanceof TooManyBytes) {
    const message = `The content is larger than the ${maxBytes} bytes that this server takes`;
    return new MatrixError(502, 'M_TOO_LARGE', message);
  }
  if (error instanceof FederationError) return error.toMatrixError();
  throw error;
}
