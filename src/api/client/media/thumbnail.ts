import { Type } from 'typebox';
import type { MediaReads, Thumbnails } from '../../../modules/content-repository/index.ts';
import { endpoint, type Reply } from '../../../wire/endpoint.ts';
import { contentReply } from './content-reply.ts';
import { DEFAULT_TIMEOUT_MS, mediaPaths, oldMediaPaths, Timeout, UriParams, uriOf } from './media-paths.ts';

interface Needs {
  readonly mediaReads: MediaReads;
  readonly thumbnails: Thumbnails;
}

interface ThumbnailRequest {
  readonly params: { serverName: string; mediaId: string };
  readonly query: {
    width: number;
    height: number;
    method?: 'crop' | 'scale';
    animated?: boolean;
    timeout_ms?: number;
    allow_remote?: boolean;
  };
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

async function thumbnail(needs: Needs, request: ThumbnailRequest, anonymous: boolean): Promise<Reply> {
  const { query } = request;
  const media = await needs.mediaReads.find(uriOf(request.params), {
    timeoutMs: query.timeout_ms ?? DEFAULT_TIMEOUT_MS,
    allowRemote: query.allow_remote ?? true,
    anonymous,
    signal: request.signal,
  });
  const { width, height, method = 'scale', animated = false } = query;
  const found = await needs.thumbnails.of(media, { width, height, method, animated });
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
  (needs: Needs, request) => thumbnail(needs, request, false),
);

/** GET /_matrix/media/v3/thumbnail/{serverName}/{mediaId} */
export const getContentThumbnail = endpoint(
  {
    id: 'getContentThumbnail',
    method: 'GET',
    paths: oldMediaPaths(PATH),
    auth: 'none',
    params: UriParams,
    query: Type.Object({ ...wishes, allow_remote: Type.Optional(Type.Boolean()) }),
  },
  (needs: Needs, request) => thumbnail(needs, request, true),
);
