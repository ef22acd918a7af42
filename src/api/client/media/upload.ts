import { Type } from 'typebox';
import type { Uploads } from '../../../modules/content-repository/index.ts';
import { contentUriText } from '../../../protocol/content-uri.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { FileName, oldMediaPaths, UriParams, uriOf } from './media-paths.ts';

const Query = Type.Object({ filename: Type.Optional(FileName) });

/** POST /media/upload */
export const uploadContent = endpoint(
  {
    id: 'uploadContent',
    method: 'POST',
    paths: oldMediaPaths('/upload'),
    auth: 'user',
    limit: 'media',
    query: Query,
    body: 'bytes',
  },
  async (needs: { uploads: Uploads }, request) => {
    const file = { ...request.body, fileName: request.query.filename };
    const uri = await needs.uploads.upload(request.session.userId, file);
    return { content_uri: contentUriText(uri) };
  },
);

/** POST /media/create */
export const createContent = endpoint(
  { id: 'createContent', method: 'POST', paths: ['/_matrix/media/v1/create'], auth: 'user', limit: 'media' },
  async (needs: { uploads: Uploads }, request) => {
    const { uri, expiresAt } = await needs.uploads.create(request.session.userId);
    return { content_uri: contentUriText(uri), unused_expires_at: expiresAt };
  },
);

/** PUT /media/upload/{serverName}/{mediaId} */
export const uploadContentToMXC = endpoint(
  {
    id: 'uploadContentToMXC',
    method: 'PUT',
    paths: oldMediaPaths('/upload/:serverName/:mediaId'),
    auth: 'user',
    limit: 'media',
    params: UriParams,
    query: Query,
    body: 'bytes',
  },
  async (needs: { uploads: Uploads }, request) => {
    const file = { ...request.body, fileName: request.query.filename };
    await needs.uploads.fill(request.session.userId, uriOf(request.params), file);
    return {};
  },
);
