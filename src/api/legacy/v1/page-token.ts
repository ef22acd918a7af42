import { parseStreamToken } from '../../../rooms/reading/stream-token.ts';
import { BEFORE_HISTORY } from '../../../storage/unit-of-work.ts';

/**
 * The place that a token of version 1 stands for ("Pagination" of 2015): besides tokens that the server gave there are
 * START, before everything, and END, after everything that is there. Undefined for END.
 *
 * @throws MatrixError 400 M_INVALID_PARAM, which endpoints with pages call M_BAD_PAGINATION.
 */
export function placeOfToken(token: string): number | undefined {
  if (token === 'END') return undefined;
  return token === 'START' ? BEFORE_HISTORY : parseStreamToken(token);
}
