import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const nodeByHash = sql(`SELECT node FROM state_nodes WHERE hash = ?`);
const insertNode = sql(`INSERT INTO state_nodes (hash, node) VALUES (?, ?) ON CONFLICT DO NOTHING`);

/** The encoded trie node with this hash, or undefined. */
export async function byHash(reader: Reader, hash: Uint8Array): Promise<Uint8Array | undefined> {
  return (await reader.get<{ node: Uint8Array }>(nodeByHash, hash))?.node;
}

/** Keeps a node; one that is there already stays. */
export function insert(writer: Writer, hash: Uint8Array, node: Uint8Array): void {
  writer.run(insertNode, hash, node);
}
