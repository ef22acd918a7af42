/** How far into a page its own word about its encoding is looked for, in bytes. */
const PRESCAN = 4_096;

/**
 * A page as text. Its encoding is that of its byte order mark, of the header Content-Type, or of what stands in the page, in
 * this order; otherwise UTF-8 if it can be that, and windows-1252 if not.
 */
export function decodePage(bytes: Buffer, contentType: string): string {
  const start = bytes.toString('latin1', 0, PRESCAN);
  const candidates = [
    byteOrderMark(bytes),
    /charset\s*=\s*["']?([\w:.-]+)/i.exec(contentType)?.[1],
    inPage(start),
  ];
  for (const label of candidates) {
    const decoder = label === undefined ? undefined : decoderFor(label);
    if (decoder) return decoder.decode(bytes);
  }
  return new TextDecoder(isUtf8(bytes) ? 'utf-8' : 'windows-1252').decode(bytes);
}

/** Whether it is UTF-8, which may break off in the middle of a character. */
function isUtf8(bytes: Buffer): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function byteOrderMark(bytes: Buffer): string | undefined {
  const start = bytes.toString('hex', 0, 3);
  if (start === 'efbbbf') return 'utf-8';
  if (start.startsWith('feff')) return 'utf-16be';
  return start.startsWith('fffe') ? 'utf-16le' : undefined;
}

/** A page that could be read so far is not in UTF-16, whatever it says. */
function inPage(start: string): string | undefined {
  const meta = /<meta\s[^>]*?charset\s*=\s*["']?\s*([\w:.-]+)/i.exec(start);
  const xml = /^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w:.-]+)/i.exec(start);
  const label = (meta ?? xml)?.[1];
  return label !== undefined && /^utf-?16/i.test(label) ? 'utf-8' : label;
}

function decoderFor(label: string): InstanceType<typeof TextDecoder> | undefined {
  try {
    return new TextDecoder(label);
  } catch {
    return undefined;
  }
}
