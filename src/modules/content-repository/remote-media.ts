import type { ContentUri } from '../../protocol/content-uri.ts';
import type { MediaRow } from '../../storage/media-store.ts';

/** Gets content of other servers: the seam between this module and federation. */
export interface RemoteMedia {
  /**
   * The row of a content that another server has, fetched and kept here if it was not here before.
   *
   * @throws MatrixError 404 for a content that is not there; 502 or 504 where it cannot be had.
   */
  obtain(uri: ContentUri, wish: { timeoutMs: number; signal: AbortSignal }): Promise<MediaRow | undefined>;
}
