import { Type } from 'typebox';
import type { UrlPreviews } from '../../../modules/content-repository/index.ts';
import { endpoint, RawJson } from '../../../wire/endpoint.ts';
import { mediaPaths, oldMediaPaths } from './media-paths.ts';

/** GET /media/preview_url */
export const getUrlPreviewAuthed = endpoint(
  {
    id: 'getUrlPreviewAuthed',
    method: 'GET',
    paths: [...mediaPaths('/preview_url'), ...oldMediaPaths('/preview_url')],
    auth: 'user',
    limit: 'media',
    query: Type.Object({ url: Type.String(), ts: Type.Optional(Type.Integer()) }),
  },
  async (needs: { urlPreviews: UrlPreviews }, request) =>
    new RawJson(await needs.urlPreviews.preview(request.session.userId, request.query.url)),
);
