import { loadConfig } from '../platform/config/load-config.ts';
import { databaseLocation } from '../server.ts';
import type { Database } from '../storage/database.ts';
import { openDatabase } from '../storage/open-database.ts';
import type { TestPlace } from './engines.ts';

/** Opens the database of a place, beside a server that may run on it. */
export function openPlaceDatabase(place: TestPlace): Promise<Database> {
  return openDatabase(databaseLocation(loadConfig({ env: { ...place.env } })));
}
