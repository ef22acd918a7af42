import type { Uploads } from '../../../modules/content-repository/index.ts';
import { endpoint } from '../../../wire/endpoint.ts';
import { mediaPaths, oldMediaPaths } from './media-paths.ts';

/** GET /media/config */
export const getConfigAuthed = endpoint(
  {
    id: 'getConfigAuthed',
    method: 'GET',
    paths: [...mediaPaths('/config'), ...oldMediaPaths('/config')],
    auth: 'user',
    guests: true,
  },
  (needs: { uploads: Uploads }) => ({ 'm.upload.size': needs.uploads.maxBytes }),
);
