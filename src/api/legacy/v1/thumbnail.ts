import { Type } from 'typebox';
import { endpoint } from '../../../wire/endpoint.ts';
import { UriParams } from '../../client/media/media-paths.ts';
import { OldThumbnailWishes, thumbnailReply, type GivesThumbnails } from '../../client/media/thumbnail.ts';
import { CODES_OF_2015 } from '../old-form.ts';

/** The size for who names none, in pixels. */
const DEFAULT_SIZE = { width: 320, height: 240 };

/** GET /_matrix/media/v1/thumbnail/{serverName}/{mediaId}: who names the length of one side gets a square of it. */
export const v1Thumbnail = endpoint(
  {
    id: 'thumbnail_content',
    method: 'GET',
    paths: ['/_matrix/media/v1/thumbnail/:serverName/:mediaId'],
    auth: 'none',
    codes: CODES_OF_2015,
    params: UriParams,
    query: Type.Partial(OldThumbnailWishes),
  },
  (needs: GivesThumbnails, request) => {
    const { width, height } = request.query;
    const size = {
      width: width ?? height ?? DEFAULT_SIZE.width,
      height: height ?? width ?? DEFAULT_SIZE.height,
    };
    // Who wants it to move is a client of today.
    const oldType = request.query.animated !== true;
    return thumbnailReply(needs, request, { ...request.query, ...size, oldType }, true);
  },
);
