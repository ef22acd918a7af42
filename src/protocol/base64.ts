const STANDARD = /^[A-Za-z0-9+/]*$/;
const URL_SAFE = /^[A-Za-z0-9_-]*$/;

/** Unpadded base64 in the standard alphabet (Appendices, "Unpadded Base64"). */
export function base64(bytes: Buffer): string {
  return withoutPadding(bytes.toString('base64'));
}

/** Unpadded base64 in the URL-safe alphabet (Appendices, "URL-safe unpadded Base64"). */
export function base64Url(bytes: Buffer): string {
  return bytes.toString('base64url');
}

/** The bytes of standard base64, padded or not; undefined when the text is not standard base64. */
export function decodeBase64(text: string): Buffer | undefined {
  return decode(text, STANDARD, 'base64');
}

/** The bytes of URL-safe base64, padded or not; undefined when the text is not URL-safe base64. */
export function decodeBase64Url(text: string): Buffer | undefined {
  return decode(text, URL_SAFE, 'base64url');
}

/** Cuts the `=` off base64 that something else has made. */
function withoutPadding(encoded: string): string {
  let end = encoded.length;
  while (end > 0 && encoded.charCodeAt(end - 1) === 0x3d) end--;
  return end === encoded.length ? encoded : encoded.slice(0, end);
}

function decode(text: string, alphabet: RegExp, encoding: 'base64' | 'base64url'): Buffer | undefined {
  const unpadded = withoutPadding(text);
  const padding = text.length - unpadded.length;
  if (padding > 0 && (padding > 2 || text.length % 4 !== 0)) return undefined;
  if (unpadded.length % 4 === 1 || !alphabet.test(unpadded)) return undefined;
  return Buffer.from(unpadded, encoding);
}
