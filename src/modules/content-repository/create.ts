import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { FederationClient } from '../../federation/federation-client.ts';
import type { Config } from '../../platform/config/schema.ts';
import type { OutgoingHttp } from '../../platform/outgoing-http.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import type { BlobStore } from '../../storage/blobs/blob-store.ts';
import { FileBlobStore } from '../../storage/blobs/file-blob-store.ts';
import { S3BlobStore } from '../../storage/blobs/s3-blob-store.ts';
import { Spool } from '../../storage/blobs/spool.ts';
import type { Database } from '../../storage/database.ts';
import { ContentStore } from './content-store.ts';
import { MediaReads } from './media-reads.ts';
import { MediaSweep } from './media-sweep.ts';
import { FederatedMedia } from './federated-media.ts';
import { Thumbnails } from './thumbnails.ts';
import { Uploads } from './uploads.ts';
import { UrlPreviews } from './url-previews.ts';

const MIB = 1024 * 1024;
const SECOND_MS = 1_000;
const NAME_LENGTH = 24;

export interface ContentRepositoryNeeds {
  readonly database: Database;
  readonly clock: { now(): number };
  readonly serverName: ServerName;
  /** Text of letters and digits that nobody can guess. */
  readonly opaque: (length: number) => string;
  readonly outgoing: OutgoingHttp;
  readonly client: FederationClient;
  readonly limiter: { take(limit: 'fetchedMedia', caller: string): number | undefined };
  /** Folder of the server's data. */
  readonly dataDir: string;
  readonly config: Config['media'];
}

/** Of the data folder, where media are. */
export const MEDIA_FOLDER = 'media';
/** In there, what is only coming in. */
export const INCOMING_FOLDER = 'incoming';

/** Puts the content repository together. */
export function createContentRepository(needs: ContentRepositoryNeeds) {
  const { database, clock, serverName, opaque, config } = needs;
  const folder = join(needs.dataDir, MEDIA_FOLDER);
  const spool = new Spool(join(folder, INCOMING_FOLDER), () => opaque(NAME_LENGTH));
  const blobs = createBlobStore(needs, folder);
  const contents = new ContentStore(database, blobs, clock);
  const frozen = config.freeze_unauthenticated_at;
  const mediaSweep = new MediaSweep({
    ...{ database, blobs, spool, clock, serverName },
    fetchedBytes: config.remote_cache_mib === 0 ? Infinity : config.remote_cache_mib * MIB,
  });
  const onKept = (bytes: number) => mediaSweep.noteFetched(bytes);
  const uploads = new Uploads({
    ...{ database, contents, spool, clock, serverName, opaque, onKeptOwn: onKept },
    limits: {
      maxBytes: config.max_upload_bytes,
      userBytes: config.user_quota_mib === 0 ? Infinity : config.user_quota_mib * MIB,
      unfinished: config.unfinished_uploads,
      unfinishedMs: config.unfinished_lifetime * SECOND_MS,
    },
  });
  const mediaReads = new MediaReads({
    ...{ database, blobs, clock, serverName },
    remote: new FederatedMedia({
      ...{ client: needs.client, outgoing: needs.outgoing, database, contents, spool, onKept },
      takeFetch: (fetcher) => needs.limiter.take('fetchedMedia', fetcher),
      maxBytes: config.max_upload_bytes,
    }),
    frozenFrom: frozen === '' ? Infinity : Date.parse(frozen),
  });
  const thumbnails = new Thumbnails({
    ...{ database, blobs, spool },
    maxPixels: config.max_image_pixels,
    atOnce: Math.max(1, Math.floor(availableParallelism() / 2)),
  });
  const urlPreviews = new UrlPreviews({
    ...{ outgoing: needs.outgoing, spool, uploads, clock },
    enabled: config.url_previews,
    maxBytes: config.preview_max_bytes,
    maxPixels: config.max_image_pixels,
  });
  return { uploads, mediaReads, thumbnails, urlPreviews, mediaSweep, closeBlobs: () => blobs.close() };
}

function createBlobStore({ config, opaque }: ContentRepositoryNeeds, folder: string): BlobStore {
  if (config.store === 'files') return new FileBlobStore(folder);
  const { s3 } = config;
  return new S3BlobStore({
    endpoint: s3.endpoint,
    region: s3.region,
    bucket: s3.bucket,
    prefix: s3.prefix,
    accessKeyId: s3.access_key_id,
    secretAccessKey: s3.secret_access_key,
    pathStyle: s3.path_style,
    folder: join(folder, 'incoming'),
    opaque: () => opaque(NAME_LENGTH),
  });
}
