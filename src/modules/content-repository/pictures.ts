import { open } from 'node:fs/promises';
import type * as sharpTypes from 'sharp';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { FORMAT_BYTES, imageFormat, type ImageFormat } from './image-format.ts';
import type { ThumbnailVariant } from './thumbnail-sizes.ts';

type Sharp = typeof sharpTypes.default;

/** What a file with a picture is like. */
export interface Picture {
  readonly format: ImageFormat;
  readonly width: number;
  readonly height: number;
  readonly frames: number;
  readonly hasAlpha: boolean;
  /** Whether it is to be turned before it is shown. */
  readonly turned: boolean;
}

/** A picture that was made. */
export interface MadePicture {
  readonly type: string;
  readonly bytes: number;
}

/** Readers of the library that may be used: it has many more, of formats that can name other files or run for long. */
const READERS = ['Png', 'Jpeg', 'Nsgif', 'Webp', 'Heif'].map((name) => `VipsForeignLoad${name}`);
const LONGEST_SECONDS = 20;

let loading: Promise<Sharp> | undefined;

/** The library, loaded when the first picture comes: it takes some MiB. */
function library(): Promise<Sharp> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    sharp.block({ operation: ['VipsForeignLoad'] });
    sharp.unblock({ operation: READERS });
    sharp.cache(false);
    sharp.concurrency(1);
    return sharp;
  });
  return loading;
}

/**
 * Reads what a picture is like, without decoding it.
 *
 * @throws MatrixError 400 M_UNKNOWN for what is no picture of a known format; 413 M_TOO_LARGE for more pixels than `most`.
 */
export async function readPicture(path: string, most: number): Promise<Picture> {
  const format = await formatOf(path);
  if (!format) throw noPicture();
  const sharp = await library();
  const read = await sharp(path, { limitInputPixels: false })
    .metadata()
    .catch(() => undefined);
  if (!read?.width || !read.height) throw noPicture();
  const { width, orientation = 1 } = read;
  const height = read.pageHeight ?? read.height;
  if (width * height > most) {
    throw new MatrixError(413, 'M_TOO_LARGE', `The picture has more than ${most} pixels`);
  }
  return {
    format,
    width: orientation >= 5 ? height : width,
    height: orientation >= 5 ? width : height,
    frames: read.pages ?? 1,
    hasAlpha: read.hasAlpha,
    turned: orientation > 1,
  };
}

/**
 * Makes a smaller picture of one, never a larger one. Decoding is done by threads of the library.
 *
 * @param variant undefined for the same size.
 * @throws MatrixError 400 M_UNKNOWN for a picture that is broken.
 */
export async function makeThumbnail(
  picture: Picture,
  from: string,
  to: string,
  variant: ThumbnailVariant | undefined,
  options: { animated: boolean; mostPixels: number },
): Promise<MadePicture> {
  const sharp = await library();
  const moves = options.animated && picture.frames > 1;
  const size = variant === undefined ? picture : targetSize(picture, variant);
  const source = sharp(from, {
    limitInputPixels: options.mostPixels,
    failOn: 'error',
    ...(moves ? { animated: true } : {}),
  });
  const upright = moves ? source : source.autoOrient();
  const resized = upright
    .resize({ width: size.width, height: size.height, fit: 'cover' })
    .timeout({ seconds: LONGEST_SECONDS });
  const [type, encoded] = moves
    ? (['image/webp', resized.webp({ quality: 75, effort: 2 })] as const)
    : picture.hasAlpha
      ? (['image/png', resized.png()] as const)
      : (['image/jpeg', resized.jpeg({ quality: 80 })] as const);
  try {
    return { type, bytes: (await encoded.toFile(to)).size };
  } catch {
    throw noPicture();
  }
}

/** How large a thumbnail gets: as the variant says, or smaller where the picture is. */
function targetSize(picture: Picture, variant: ThumbnailVariant): { width: number; height: number } {
  const [x, y] = [picture.width / variant.width, picture.height / variant.height];
  if (variant.method === 'crop') {
    const shrink = Math.min(1, x, y);
    return { width: atLeastOne(variant.width * shrink), height: atLeastOne(variant.height * shrink) };
  }
  const divisor = Math.max(1, x, y);
  return { width: atLeastOne(picture.width / divisor), height: atLeastOne(picture.height / divisor) };
}

function atLeastOne(length: number): number {
  return Math.max(1, Math.round(length));
}

async function formatOf(path: string): Promise<ImageFormat | undefined> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FORMAT_BYTES), 0, FORMAT_BYTES, 0);
    return imageFormat(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

function noPicture(): MatrixError {
  return new MatrixError(
    400,
    'M_UNKNOWN',
    'No thumbnail can be made of this: it is no picture that can be read',
  );
}
