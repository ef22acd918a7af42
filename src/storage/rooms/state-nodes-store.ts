import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const nodeByName = sql(`SELECT node FROM state_nodes WHERE hash = ?`);
const insertNode = sql(`INSERT INTO state_nodes (hash, node) VALUES (?, ?) ON CONFLICT DO NOTHING`);

/** The encoded trie node of this name, or undefined. */
export async function byName(reader: Reader, name: Uint8Array): Promise<Uint8Array | undefined> {
  return (await reader.get<{ node: Uint8Array }>(nodeByName, name))?.node;
}

/** Keeps a node; one that is there already stays. */
export function insert(writer: Writer, name: Uint8Array, node: Uint8Array): void {
  writer.run(insertNode, name, node);
}
