/** How a picture is made smaller: cut to the wanted shape, or whole, to fit into it. */
export type ThumbnailMethod = 'crop' | 'scale';

/** A thumbnail as a client wants it: at least this large, in pixels. */
export interface ThumbnailWish {
  readonly width: number;
  readonly height: number;
  readonly method: ThumbnailMethod;
  /** Whether it may move. */
  readonly animated: boolean;
  /** Whether it is to be a PNG or a JPEG, as all were in 2015. It does not move then. */
  readonly oldType?: boolean | undefined;
}

/** A thumbnail as it is made and kept. */
export interface ThumbnailVariant {
  /** Names it among those of a content. */
  readonly name: string;
  readonly method: ThumbnailMethod;
  readonly width: number;
  readonly height: number;
  readonly animated: boolean;
}

/** Boxes that a whole picture is made to fit into; the small ones are those of the specification, and of its cut ones. */
const BOXES: readonly (readonly [number, number])[] = [
  [32, 32],
  [96, 96],
  [320, 240],
  [640, 480],
  [800, 600],
  [1600, 1200],
];
/** Shapes that pictures are cut to, width to height, and lengths of their longer side. */
const SHAPES: readonly (readonly [number, number])[] = [
  [1, 1],
  [4, 3],
  [3, 4],
  [3, 2],
  [2, 3],
  [16, 9],
  [9, 16],
  [2, 1],
  [1, 2],
];
const SIDES = [32, 96, 240, 320, 640, 1280];

/**
 * The thumbnail that is given to whoever wishes for one: of the few sizes that are kept, the smallest that is not smaller
 * (Content repository, "Thumbnails"). Undefined where all are: only the content itself is large enough.
 */
export function variantFor(wish: ThumbnailWish): ThumbnailVariant | undefined {
  const sizes = wish.method === 'scale' ? BOXES : cutSizes(wish.width / wish.height);
  const size = sizes.find(([width, height]) => width >= wish.width && height >= wish.height);
  if (!size) return undefined;
  const [width, height] = size;
  const { method, animated } = wish;
  return {
    name: `${width}x${height}-${method}${animated ? '-animated' : ''}`,
    ...{ method, animated, width, height },
  };
}

/** Sizes of the shape that is nearest. */
function cutSizes(shape: number): [number, number][] {
  const farness = ([width, height]: readonly [number, number]) => Math.abs(Math.log(width / height / shape));
  const [nearest] = [...SHAPES].sort((a, b) => farness(a) - farness(b));
  const [wide, high] = nearest ?? [1, 1];
  const longer = Math.max(wide, high);
  return SIDES.map((side) => [Math.round((side * wide) / longer), Math.round((side * high) / longer)]);
}
