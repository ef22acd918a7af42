import { createWriteStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type * as sdkTypes from '@aws-sdk/client-s3';
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import type { BlobName, BlobStore, ByteRange, LocalFile } from './blob-store.ts';

/** Where the objects are and who may reach them. */
export interface S3Options {
  /** Address of the service; empty for that of Amazon. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** What the names of all objects begin with. */
  readonly prefix: string;
  /** Empty: credentials are looked for in the environment. */
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Whether the bucket is named in the path and not in the host. */
  readonly pathStyle: boolean;
  /** Folder for copies of objects that a program needs as files. */
  readonly folder: string;
  /** Text that nobody can guess, to name such copies. */
  readonly opaque: () => string;
}

type Sdk = typeof sdkTypes;

/** Failures are thrown, and logged by whoever catches them. The client's own words would stand between the lines of the log. */
const QUIET = { trace: say, debug: say, info: say, warn: say, error: say };

function say(): void {
  // Nothing.
}

/** Blobs as objects in storage that speaks S3. */
export class S3BlobStore implements BlobStore {
  readonly #options: S3Options;
  #connection: Promise<{ sdk: Sdk; client: S3Client }> | undefined;

  constructor(options: S3Options) {
    this.#options = options;
  }

  async put(name: BlobName, path: string): Promise<void> {
    try {
      const { sdk, client } = await this.#connect();
      await using file = await open(path);
      const content = { Body: file.createReadStream(), ContentLength: (await file.stat()).size };
      await client.send(new sdk.PutObjectCommand({ ...this.#key(name), ...content }));
    } finally {
      await rm(path, { force: true });
    }
  }

  async open(name: BlobName, range?: ByteRange): Promise<Readable | undefined> {
    const { sdk, client } = await this.#connect();
    const wanted = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` };
    let answer: GetObjectCommandOutput;
    try {
      answer = await client.send(new sdk.GetObjectCommand({ ...this.#key(name), ...wanted }));
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
    return answer.Body as Readable | undefined;
  }

  async asFile(name: BlobName): Promise<LocalFile | undefined> {
    const content = await this.open(name);
    if (!content) return undefined;
    await mkdir(this.#options.folder, { recursive: true });
    const path = join(this.#options.folder, this.#options.opaque());
    const release = () => rm(path, { force: true });
    try {
      await pipeline(content, createWriteStream(path, { mode: 0o600 }));
    } catch (error) {
      await release();
      throw error;
    }
    return { path, release };
  }

  async remove(name: BlobName): Promise<void> {
    const { sdk, client } = await this.#connect();
    await client.send(new sdk.DeleteObjectCommand(this.#key(name)));
  }

  async close(): Promise<void> {
    (await this.#connection)?.client.destroy();
  }

  #key(name: BlobName): { Bucket: string; Key: string } {
    return { Bucket: this.#options.bucket, Key: this.#options.prefix + name };
  }

  #connect(): Promise<{ sdk: Sdk; client: S3Client }> {
    this.#connection ??= this.#makeClient();
    return this.#connection;
  }

  /** The client is loaded when it is first needed: it takes some MiB. */
  async #makeClient(): Promise<{ sdk: Sdk; client: S3Client }> {
    const { endpoint, region, accessKeyId, secretAccessKey, pathStyle } = this.#options;
    const sdk = await import('@aws-sdk/client-s3');
    const client = new sdk.S3Client({
      region,
      forcePathStyle: pathStyle,
      logger: QUIET,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      ...(endpoint === '' ? {} : { endpoint }),
      ...(accessKeyId === '' ? {} : { credentials: { accessKeyId, secretAccessKey } }),
    });
    return { sdk, client };
  }
}
