import { Type } from 'typebox';
import { written } from './forms.ts';

const s3 = Type.Object(
  {
    endpoint: written('web address', {
      default: '',
      description: 'Address of the object storage, such as `https://s3.example.org`. Empty: that of Amazon.',
    }),
    region: Type.String({ minLength: 1, default: 'us-east-1', description: 'Region of the bucket.' }),
    bucket: Type.String({ default: '', description: 'Name of the bucket. It must be there already.' }),
    prefix: Type.String({
      default: '',
      description: 'What the names of all objects begin with, such as `myelin/`.',
    }),
    access_key_id: Type.String({
      default: '',
      description: 'Empty: the key is taken from where the tools of Amazon look for it.',
    }),
    secret_access_key: Type.String({ default: '', description: 'What belongs to the key.' }),
    path_style: Type.Boolean({
      default: true,
      description: 'Whether the bucket is named in the path of addresses, and not in their host.',
    }),
  },
  { additionalProperties: false, description: 'Object storage that speaks S3' },
);

/** Files that people upload. */
export const mediaSection = Type.Object(
  {
    store: Type.Union([Type.Literal('files'), Type.Literal('s3')], {
      default: 'files',
      description:
        'Where files are kept. `files`: in the folder `media` of the data folder, which processes of one database must ' +
        'share. `s3`: in object storage.',
    }),
    max_upload_bytes: Type.Integer({
      minimum: 1,
      maximum: 1_099_511_627_776,
      default: 52_428_800,
      description: 'Largest file that can be uploaded, in bytes.',
    }),
    user_quota_mib: Type.Integer({
      minimum: 0,
      maximum: 1_073_741_824,
      default: 10_240,
      description:
        'MiB that all files of a user may take together; 0: any number. A file counts as 4 KiB at least.',
    }),
    remote_cache_mib: Type.Integer({
      minimum: 0,
      maximum: 1_073_741_824,
      default: 102_400,
      description:
        'MiB of files of other servers and of pictures of link previews that are kept, about; 0: any number. What was ' +
        'fetched longest ago goes first, and is fetched again when somebody asks for it.',
    }),
    unfinished_uploads: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 20,
      description: 'Content URIs that a user may hold without having uploaded anything to them.',
    }),
    unfinished_lifetime: Type.Integer({
      minimum: 1,
      maximum: 31_536_000,
      default: 86_400,
      description: 'Seconds after which a content URI that nothing was uploaded to is given up.',
    }),
    max_image_pixels: Type.Integer({
      minimum: 1,
      maximum: 1_000_000_000,
      default: 50_000_000,
      description: 'Largest picture that thumbnails are made of, in pixels.',
    }),
    freeze_unauthenticated_at: written('moment', {
      default: '',
      description:
        'Moment, such as `2026-12-01T00:00:00Z`, from which new files are no longer given to callers without an ' +
        'account. Empty: the old paths give all files to everybody who knows their address.',
    }),
    url_previews: Type.Boolean({
      default: true,
      description: 'Whether the server looks up pages that people link to, for a preview.',
    }),
    preview_max_bytes: Type.Integer({
      minimum: 65_536,
      maximum: 104_857_600,
      default: 10_485_760,
      description: 'Most of a page or picture that is read for a preview, in bytes.',
    }),
    s3,
  },
  { additionalProperties: false, description: 'Files that people upload' },
);
