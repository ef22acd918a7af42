import type { Reader } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';
import { MOST_SEARCH_KEYS, type SearchTerms } from './search-terms.ts';

/** Entries that one statement takes. */
const MANY = 16;
const SLOTS = slots(MANY);

const insertKeys = sql(
  `INSERT INTO search_terms (key, position) VALUES ${Array.from({ length: MANY }, () => '(?, ?)').join(', ')}
   ON CONFLICT DO NOTHING`,
);
const putDocument = sql(
  `INSERT INTO search_documents (position, keys) VALUES (?, ?)
   ON CONFLICT (position) DO UPDATE SET keys = excluded.keys`,
);
const documentsAt = sql(`SELECT position, keys FROM search_documents WHERE position IN (${SLOTS})`);
const deleteKey = sql(`DELETE FROM search_terms WHERE key = ? AND position = ?`);
const deleteDocument = sql(`DELETE FROM search_documents WHERE position = ?`);
/** A statement for each number of keys, from one on. */
const forKeys = (make: (matches: string) => string) =>
  Array.from({ length: MOST_SEARCH_KEYS }, (_, others) => {
    const have = Array.from(
      { length: others },
      () => `AND EXISTS (SELECT 1 FROM search_terms AS other
      WHERE other.key = ? AND other.position = found.position)`,
    );
    return sql(make(`FROM search_terms AS found WHERE found.key = ? ${have.join(' ')}`));
  });
const matchesBefore = forKeys(
  (matches) =>
    `SELECT found.position AS position ${matches} AND found.position <= ? ORDER BY found.position DESC LIMIT ?`,
);
const countMatches = forKeys(
  (matches) => `SELECT COUNT(*) AS count FROM (SELECT 1 AS one ${matches} LIMIT ?) AS matches`,
);

/** A row for each key of each event, and the keys of each event, so that it is known which to take away. */
export const listedTerms: SearchTerms = {
  async replacing(reader, positions) {
    const before = await keysAt(reader, positions);
    return (writer, position, keys) => {
      const had = new Set(before.get(position));
      const has = new Set(keys);
      const added = keys.filter((key) => !had.has(key));
      for (const key of had) if (!has.has(key)) writer.run(deleteKey, key, position);
      for (const part of inSlots(added, MANY)) {
        writer.run(insertKeys, ...part.flatMap((key) => [key, position]));
      }
      if (keys.length > 0) {
        writer.run(putDocument, position, new Uint8Array(Float64Array.from(keys).buffer));
      } else if (had.size > 0) writer.run(deleteDocument, position);
    };
  },

  async matches(reader, keys, upTo, limit) {
    const statement = matchesBefore[keys.length - 1];
    if (!statement) return [];
    const rows = await reader.all<{ position: number }>(statement, ...keys, upTo, limit);
    return rows.map((row) => row.position);
  },

  async count(reader, keys, limit) {
    const statement = countMatches[keys.length - 1];
    return (statement && (await reader.get<{ count: number }>(statement, ...keys, limit)))?.count ?? 0;
  },
};

async function keysAt(reader: Reader, positions: readonly number[]): Promise<Map<number, number[]>> {
  const found = new Map<number, number[]>();
  for (const part of inSlots(positions, MANY)) {
    for (const row of await reader.all<{ position: number; keys: Uint8Array }>(documentsAt, ...part)) {
      found.set(row.position, [...new Float64Array(Uint8Array.from(row.keys).buffer)]);
    }
  }
  return found;
}
