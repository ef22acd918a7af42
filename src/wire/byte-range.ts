/** Which bytes of a content a request wants: all, some (both ends included), or some that are not there. */
export type WantedBytes = 'all' | 'none' | { readonly start: number; readonly end: number };

/**
 * Reads the header Range (RFC 9110, section 14.2). Several ranges at once, other units and malformed ones are ignored, as
 * the RFC lets a server do: all is wanted then.
 *
 * @param length of the content in bytes.
 */
export function wantedBytes(header: string | undefined, length: number): WantedBytes {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.replace(/\s/g, '') ?? '');
  const [first = '', last = ''] = match?.slice(1) ?? [];
  if (first === '' && last === '') return 'all';
  if (first === '') {
    const count = Math.min(Number(last), length);
    return count === 0 ? 'none' : { start: length - count, end: length - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return 'all';
  if (start >= length) return 'none';
  return { start, end: last === '' ? length - 1 : Math.min(Number(last), length - 1) };
}
