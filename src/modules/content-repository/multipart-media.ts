import { Readable } from 'node:stream';

/** A file in an answer of another server, or where that says that it is. */
export interface MediaPart {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The file; ends with an error when the answer breaks off. */
  readonly content: Readable;
}

const MOST_HEAD_BYTES = 65_536;
const LINE = '\r\n';

/** The boundary that a `content-type` of `multipart/mixed` names (RFC 2046), or undefined. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const match = /^multipart\/mixed\s*;(?:.*;)?\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(
    contentType ?? '',
  );
  return match?.[1] ?? match?.[2];
}

/**
 * The second part of an answer to GET /_matrix/federation/v1/media/download, read as it comes: the first holds what is known
 * of the file, of which nothing is defined yet.
 *
 * @throws Error for what is not such an answer.
 */
export async function readMediaPart(body: Readable, boundary: string): Promise<MediaPart> {
  const reader = new PartReader(body);
  const mark = Buffer.from(`${LINE}--${boundary}`);
  reader.prepend(Buffer.from(LINE));
  await reader.until(mark, MOST_HEAD_BYTES);
  await reader.until(Buffer.from(LINE), MOST_HEAD_BYTES);
  await reader.until(mark, MOST_HEAD_BYTES);
  await reader.until(Buffer.from(LINE), MOST_HEAD_BYTES);
  reader.prepend(Buffer.from(LINE));
  const head = await reader.until(Buffer.from(LINE + LINE), MOST_HEAD_BYTES);
  const headers: Record<string, string> = {};
  for (const line of head.toString('utf8').split(LINE)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { headers, content: Readable.from(reader.piecesUntil(mark), { objectMode: false }) };
}

/** Reads bytes up to marks. */
class PartReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: Readable) {
    this.#source = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Puts bytes before what is read next. */
  prepend(bytes: Buffer): void {
    this.#buffer = Buffer.concat([bytes, this.#buffer]);
  }

  /** The bytes before a mark; the mark is read, too. */
  async until(mark: Buffer, most: number): Promise<Buffer> {
    for (;;) {
      const at = this.#buffer.indexOf(mark);
      if (at >= 0) {
        const before = this.#buffer.subarray(0, at);
        this.#buffer = this.#buffer.subarray(at + mark.length);
        return before;
      }
      if (this.#buffer.length > most) throw new Error('The answer is not made of parts as it should be');
      await this.#more();
    }
  }

  /** As `until`, piece by piece. */
  async *piecesUntil(mark: Buffer): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#buffer.indexOf(mark);
      if (at >= 0) {
        if (at > 0) yield this.#buffer.subarray(0, at);
        return;
      }
      const sure = this.#buffer.length - mark.length + 1;
      if (sure > 0) {
        yield this.#buffer.subarray(0, sure);
        this.#buffer = this.#buffer.subarray(sure);
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const next = await this.#source.next();
    if (next.done === true) throw new Error('The answer ended before its last boundary');
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
  }
}
