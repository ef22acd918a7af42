import { Type } from 'typebox';
import type { MediaReads } from '../../../modules/content-repository/index.ts';
import { endpoint, type Reply } from '../../../wire/endpoint.ts';
import type { Session } from '../../../wire/session.ts';
import { contentReply } from './content-reply.ts';
import {
  DEFAULT_TIMEOUT_MS,
  fetcherOf,
  FileName,
  mediaPaths,
  oldMediaPaths,
  Timeout,
  UriParams,
  uriOf,
} from './media-paths.ts';

interface Needs {
  readonly mediaReads: MediaReads;
}

interface DownloadRequest {
  readonly params: { serverName: string; mediaId: string; fileName?: string };
  readonly query: { timeout_ms?: number; allow_remote?: boolean };
  readonly session: Session | undefined;
  readonly ip: string;
  readonly signal: AbortSignal;
  header(name: string): string | undefined;
}

const Query = Type.Object({ timeout_ms: Timeout });
const OldQuery = Type.Object({ timeout_ms: Timeout, allow_remote: Type.Optional(Type.Boolean()) });
const NamedParams = Type.Object({ serverName: Type.String(), mediaId: Type.String(), fileName: FileName });
const PATH = '/download/:serverName/:mediaId';

async function download({ mediaReads }: Needs, request: DownloadRequest, anonymous: boolean): Promise<Reply> {
  const { params, query } = request;
  const media = await mediaReads.find(uriOf(params), {
    timeoutMs: query.timeout_ms ?? DEFAULT_TIMEOUT_MS,
    allowRemote: query.allow_remote ?? true,
    anonymous,
    fetcher: fetcherOf(request.session, request.ip),
    signal: request.signal,
  });
  const content = {
    tag: media.hash,
    type: media.contentType,
    bytes: media.bytes,
    fileName: params.fileName ?? media.fileName,
    open: (range?: { start: number; end: number }) => mediaReads.open(media, range),
  };
  return contentReply(content, request, anonymous);
}

/** GET /media/download/{serverName}/{mediaId} */
export const getContentAuthed = endpoint(
  {
    id: 'getContentAuthed',
    method: 'GET',
    paths: mediaPaths(PATH),
    auth: 'user',
    guests: true,
    params: UriParams,
    query: Query,
  },
  (needs: Needs, request) => download(needs, request, false),
);

/** GET /media/download/{serverName}/{mediaId}/{fileName} */
export const getContentOverrideNameAuthed = endpoint(
  {
    id: 'getContentOverrideNameAuthed',
    method: 'GET',
    paths: mediaPaths(`${PATH}/:fileName`),
    auth: 'user',
    guests: true,
    params: NamedParams,
    query: Query,
  },
  (needs: Needs, request) => download(needs, request, false),
);

/** GET /_matrix/media/v3/download/{serverName}/{mediaId} */
export const getContent = endpoint(
  {
    id: 'getContent',
    method: 'GET',
    paths: oldMediaPaths(PATH),
    auth: 'none',
    params: UriParams,
    query: OldQuery,
  },
  (needs: Needs, request) => download(needs, request, true),
);

/** GET /_matrix/media/v3/download/{serverName}/{mediaId}/{fileName} */
export const getContentOverrideName = endpoint(
  {
    id: 'getContentOverrideName',
    method: 'GET',
    paths: oldMediaPaths(`${PATH}/:fileName`),
    auth: 'none',
    params: NamedParams,
    query: OldQuery,
  },
  (needs: Needs, request) => download(needs, request, true),
);
