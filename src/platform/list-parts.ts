import { nextTurn } from './next-turn.ts';

/** A list cut into parts of `size`, in its order; the last may have fewer. */
export function* inParts<Item>(list: readonly Item[], size: number): Generator<Item[]> {
  for (let i = 0; i < list.length; i += size) yield list.slice(i, i + size);
}

/** The same for work that takes long: between two parts whatever else waits in this process has its turn. */
export async function* inTurns<Item>(list: readonly Item[], size: number): AsyncGenerator<Item[]> {
  for (let i = 0; i < list.length; i += size) {
    if (i > 0) await nextTurn();
    yield list.slice(i, i + size);
  }
}
