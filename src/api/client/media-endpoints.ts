import {
  getContent,
  getContentAuthed,
  getContentOverrideName,
  getContentOverrideNameAuthed,
} from './media/download.ts';
import { getConfigAuthed } from './media/media-config.ts';
import { getUrlPreviewAuthed } from './media/preview-url.ts';
import { getContentThumbnail, getContentThumbnailAuthed } from './media/thumbnail.ts';
import { createContent, uploadContent, uploadContentToMXC } from './media/upload.ts';

/** Endpoints of the content repository. */
export const mediaEndpoints = [
  createContent,
  getConfigAuthed,
  getContent,
  getContentAuthed,
  getContentOverrideName,
  getContentOverrideNameAuthed,
  getContentThumbnail,
  getContentThumbnailAuthed,
  getUrlPreviewAuthed,
  uploadContent,
  uploadContentToMXC,
] as const;
