/** What kind of picture some bytes are the beginning of. */
export interface ImageFormat {
  readonly type: 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp' | 'image/avif';
  /** Whether it may hold more than one picture. Only said of kinds whose beginning tells it. */
  readonly mayMove: boolean;
}

/** How many bytes of a file are enough for `imageFormat`. */
export const FORMAT_BYTES = 65_536;

/** The format of a picture by its first bytes, or undefined for anything that thumbnails are not made of. */
export function imageFormat(start: Buffer): ImageFormat | undefined {
  const text = (from: number, to: number) => start.toString('latin1', from, to);
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return { type: 'image/png', mayMove: isAnimatedPng(start) };
  if (text(0, 3) === '\xff\xd8\xff') return { type: 'image/jpeg', mayMove: false };
  if (/^GIF8[79]a$/.test(text(0, 6))) return { type: 'image/gif', mayMove: true };
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') {
    const hasAnimationFlag = text(12, 16) === 'VP8X' && ((start[20] ?? 0) & 2) !== 0;
    return { type: 'image/webp', mayMove: hasAnimationFlag };
  }
  if (text(4, 8) === 'ftyp' && /avi[fs]/.test(text(8, 64))) {
    return { type: 'image/avif', mayMove: text(8, 64).includes('avis') };
  }
  return undefined;
}

/** A PNG says that it moves in a chunk before the first one with pixels; where that is not seen, it may. */
function isAnimatedPng(start: Buffer): boolean {
  for (let at = 8; at + 8 <= start.length; at += 12 + start.readUInt32BE(at)) {
    const chunk = start.toString('latin1', at + 4, at + 8);
    if (chunk === 'IDAT') return false;
    if (chunk === 'acTL') return true;
  }
  return true;
}
