const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+ *(;[ -~]*)?$/;
const LONGEST_TYPE = 255;
const LONGEST_NAME = 1_024;
const UNKNOWN_TYPE = 'application/octet-stream';

/** Types that a browser shows without running anything in them (Content repository, "Serving inline content"). */
const INLINE: ReadonlySet<string> = new Set([
  ...['css', 'plain', 'csv'].map((name) => `text/${name}`),
  ...['json', 'ld+json'].map((name) => `application/${name}`),
  ...['jpeg', 'gif', 'png', 'apng', 'webp', 'avif'].map((name) => `image/${name}`),
  ...['mp4', 'webm', 'ogg', 'quicktime'].map((name) => `video/${name}`),
  ...['mp4', 'webm', 'aac', 'mpeg', 'ogg', 'wave', 'wav', 'x-wav', 'x-pn-wav', 'flac', 'x-flac'].map(
    (name) => `audio/${name}`,
  ),
]);

/** The media type that an uploader gave, or that of unknown bytes if it gave none or something that is none. */
export function mediaTypeOf(given: string | undefined): string {
  const text = given?.trim() ?? '';
  return text.length <= LONGEST_TYPE && MEDIA_TYPE.test(text) ? text : UNKNOWN_TYPE;
}

/**
 * The header Content-Disposition for content of a media type: `inline` for what is safe to show, otherwise `attachment`,
 * with the file's name as RFC 6266 has it.
 */
export function contentDisposition(mediaType: string, fileName: string | undefined): string {
  const essence = (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
  const kind = INLINE.has(essence) ? 'inline' : 'attachment';
  if (fileName === undefined || fileName === '') return kind;
  if (/^[ -~]*$/.test(fileName)) return `${kind}; filename="${fileName.replace(/["\\]/g, '\\$&')}"`;
  return `${kind}; filename*=utf-8''${extendedValue(fileName)}`;
}

/** A value as RFC 5987 encodes it. */
function extendedValue(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The name of the file that a Content-Disposition gives (RFC 6266), without folders; undefined where it gives none. */
export function namedFile(disposition: string | undefined): string | undefined {
  const extended = /filename\*=utf-8''([^;\s]+)/i.exec(disposition ?? '')?.[1];
  const quoted = /filename="((?:[^"\\]|\\.)*)"/i.exec(disposition ?? '')?.[1]?.replace(/\\(.)/g, '$1');
  const plain = /filename=([^;\s"]+)/i.exec(disposition ?? '')?.[1];
  const name = (decoded(extended) ?? quoted ?? plain)?.split(/[\\/]/).at(-1);
  return name === undefined || name === '' ? undefined : name.slice(0, LONGEST_NAME).toWellFormed();
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
