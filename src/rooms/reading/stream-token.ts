import { invalidParam } from '../../protocol/matrix-error.ts';

/**
 * A place in the log, between the event at `position` and the next: what clients get as `next_batch`, `prev_batch`,
 * `start` and `end`. One kind of token serves sync and pagination.
 */
export function streamToken(position: number): string {
  return `s${position}`;
}

/** The position of a token. Throws 400 M_INVALID_PARAM for what this server did not make. */
export function parseStreamToken(token: string): number {
  return parseSyncToken(token).position;
}

/** The token of a sync that did not hold all messages for the device: it names the last of them, too. */
export function syncToken(position: number, toDevice: number | undefined): string {
  return toDevice === undefined ? streamToken(position) : `${streamToken(position)}d${toDevice}`;
}

/** What `syncToken` or `streamToken` made. Throws 400 M_INVALID_PARAM for what this server did not make. */
export function parseSyncToken(token: string): { position: number; toDevice: number } {
  const match = /^s(-?\d{1,15})(?:d(\d{1,15}))?(?:c[A-Za-z0-9]{1,20})?$/.exec(token);
  if (!match)
    throw invalidParam('This is not a token of this server: use one that a sync or a page of messages gave');
  const position = Number(match[1]);
  return { position, toDevice: match[2] === undefined ? position : Number(match[2]) };
}

/** The `pos` of sliding sync: a place in the log, and which answer of the connection led there, if that matters. */
export function connectionToken(position: number, generation: string): string {
  return generation === '' ? streamToken(position) : `${streamToken(position)}c${generation}`;
}

/** What `connectionToken` made; undefined for anything else. */
export function parseConnectionToken(token: string): { position: number; generation: string } | undefined {
  const match = /^s(-?\d{1,15})(?:c([A-Za-z0-9]{1,20}))?$/.exec(token);
  return match ? { position: Number(match[1]), generation: match[2] ?? '' } : undefined;
}
