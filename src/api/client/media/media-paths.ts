import { Type } from 'typebox';
import { contentUri, type ContentUri } from '../../../protocol/content-uri.ts';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import type { Session } from '../../../wire/session.ts';

/** Paths of the content repository before it asked who is there: `/_matrix/media/v3` and its older names. */
export function oldMediaPaths(suffix: string): string[] {
  return ['v3', 'r0', 'v1'].map((version) => `/_matrix/media/${version}${suffix}`);
}

/** Paths of the content repository for those who say who they are: `/_matrix/client/v1/media` and its name before. */
export function mediaPaths(suffix: string): string[] {
  return ['v1', 'unstable/org.matrix.msc3916'].map((version) => `/_matrix/client/${version}/media${suffix}`);
}

/** A content URI in a path. */
export const UriParams = Type.Object({ serverName: Type.String(), mediaId: Type.String() });

/** Milliseconds to wait for an upload that is still to come. */
export const Timeout = Type.Optional(Type.Integer({ minimum: 0 }));

/** What `Timeout` is by default. */
export const DEFAULT_TIMEOUT_MS = 20_000;

/** A name that a file can have. */
export const FileName = Type.String({ maxLength: 1_024 });

/** Whose allowance fetching files of other servers counts for: the user's, or the address's of somebody without an account. */
export function fetcherOf(session: Session | undefined, ip: string): string | undefined {
  if (!session) return ip;
  return session.isRateLimited ? session.userId : undefined;
}

/** The content URI of a path. 400 M_INVALID_PARAM for what cannot be one. */
export function uriOf(params: { serverName: string; mediaId: string }): ContentUri {
  const uri = contentUri(params.serverName, params.mediaId);
  if (uri) return uri;
  throw invalidParam('A content URI is a server name and an ID of letters, digits, "_" and "-"');
}
