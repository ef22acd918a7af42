import { Type } from 'typebox';
import type { MediaReads, Thumbnails } from '../../../modules/content-repository/index.ts';
import { endpoint, type Reply } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { contentReply } from './content-reply.ts';
import { DEFAULT_TIMEOUT_MS, fetcherOf, mediaPaths, Timeout, UriParams, uriOf } from './media-paths.ts';

/** What thumbnails are had from. */
export interface GivesThumbnails {
  readonly mediaReads: MediaReads;
  readonly thumbnails: Thumbnails;
}

interface ThumbnailWishes {
  readonly width: number;
  readonly height: number;
  readonly method?: 'crop' | 'scale';
  readonly animated?: boolean;
  readonly timeout_ms?: number;
  readonly allow_remote?: boolean;
  /** Whether it is to be of a type of 2015. */
  readonly oldType?: boolean;
}

interface ThumbnailRequest {
  readonly params: { serverName: string; mediaId: string };
  readonly session: Session | undefined;
  readonly ip: string;
  readonly signal: AbortSignal;
  header(name: string): string | undefined;
}

const Length = Type.Integer({ minimum: 1 });
const wishes = {
  width: Length,
  height: Length,
  method: Type.Optional(Type.Union([Type.Literal('crop'), Type.Literal('scale')])),
  animated: Type.Optional(Type.Boolean()),
  timeout_ms: Timeout,
};
const PATH = '/thumbnail/:serverName/:mediaId';

/** What the paths of before authentication take in the query. */
export const OldThumbnailWishes = Type.Object({ ...wishes, allow_remote: Type.Optional(Type.Boolean()) });

/**
 * A thumbnail as a client wishes for it.
 *
 * @param anonymous - Whether nobody knows who asks.
 * @throws MatrixError 404 for content that is not there, and what else keeps a picture from being made smaller.
 */
export async function thumbnailReply(
  needs: GivesThumbnails,
  request: ThumbnailRequest,
  query: ThumbnailWishes,
  anonymous: boolean,
): Promise<Reply> {
  const media = await needs.mediaReads.find(uriOf(request.params), {
    timeoutMs: query.timeout_ms ?? DEFAULT_TIMEOUT_MS,
    allowRemote: query.allow_remote ?? true,
    anonymous,
    fetcher: fetcherOf(request.session, request.ip),
    signal: request.signal,
  });
  const { width, height, method = 'scale', animated = false, oldType } = query;
  const found = await needs.thumbnails.of(media, { width, height, method, animated, oldType });
  const fileName = `thumbnail.${found.type.replace('image/', '')}`;
  return contentReply({ ...found, fileName }, request, anonymous);
}

/** GET /media/thumbnail/{serverName}/{mediaId} */
export const getContentThumbnailAuthed = endpoint(
  {
    id: 'getContentThumbnailAuthed',
    method: 'GET',
    paths: mediaPaths(PATH),
    auth: 'user',
    guests: true,
    params: UriParams,
    query: Type.Object(wishes),
  },
  (needs: GivesThumbnails, request) => thumbnailReply(needs, request, request.query, false),
);

/** GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId}. That of version 1 is in the API of 2015: it had other rules. */
export const getContentThumbnail = endpoint(
  {
    id: 'getContentThumbnail',
    method: 'GET',
    paths: [`/_matrix/media/v3${PATH}`, `/_matrix/media/r0${PATH}`],
    auth: 'none',
    params: UriParams,
    query: OldThumbnailWishes,
  },
  (needs: GivesThumbnails, request) => thumbnailReply(needs, request, request.query, true),
);
