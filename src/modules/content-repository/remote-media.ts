import type { ContentUri } from '../../protocol/content-uri.ts';
import type { MediaRow } from '../../storage/media-store.ts';

/** Gets content of other servers: the seam between this module and federation. */
export interface RemoteMedia {
  /**
   * The row of a content that another server has, fetched and kept here if it was not here before.
   *
   * @param wish.fetcher the user or address that it counts for when it is fetched; undefined for nobody.
   * @throws MatrixError 429 M_LIMIT_EXCEEDED where that one has had too much fetched; 404 for a content that is not there;
   *   502 or 504 where it cannot be had.
   */
  obtain(
    uri: ContentUri,
    wish: { timeoutMs: number; fetcher?: string | undefined },
  ): Promise<MediaRow | undefined>;
}
