export {
  createContentRepository,
  INCOMING_FOLDER,
  MEDIA_FOLDER,
  type ContentRepositoryNeeds,
} from './create.ts';
export type { AvailableMedia, MediaReads, MediaWish } from './media-reads.ts';
export type { RemoteMedia } from './remote-media.ts';
export type { Thumbnails } from './thumbnails.ts';
export type { IncomingFile, Uploads } from './uploads.ts';
export type { UrlPreviews } from './url-previews.ts';
