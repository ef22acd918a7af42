import { parseServerName, type ServerName } from './identifiers.ts';

/** Whose content it is, and its ID there. */
export interface ContentUri {
  readonly origin: ServerName;
  readonly mediaId: string;
}

const MEDIA_ID = /^[A-Za-z0-9_-]{1,255}$/;

/**
 * The parts of a content URI, or undefined if they cannot be: they may name files elsewhere (Content repository,
 * "Security considerations").
 */
export function contentUri(origin: string, mediaId: string): ContentUri | undefined {
  const server = parseServerName(origin);
  return server !== undefined && MEDIA_ID.test(mediaId) ? { origin: server, mediaId } : undefined;
}

/** `mxc://origin/mediaId` */
export function contentUriText({ origin, mediaId }: ContentUri): string {
  return `mxc://${origin}/${mediaId}`;
}
