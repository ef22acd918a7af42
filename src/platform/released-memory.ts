/** Smaller pieces are not worth it. */
const LARGE_PIECE = 4_096;

/**
 * Gives back the memory of a piece that was read from a file or a connection and is used up: nobody may look at it any
 * more. The collector would let some 64 MiB of such pieces pile up before it looks at them: they are small to it, since
 * their memory lies outside of its heap. A piece that shares its memory with others is left alone.
 */
export function releaseMemory({ buffer, byteLength }: Buffer): void {
  const isAlone = byteLength === buffer.byteLength && byteLength >= LARGE_PIECE;
  if (isAlone && buffer instanceof ArrayBuffer) buffer.transfer(0);
}
