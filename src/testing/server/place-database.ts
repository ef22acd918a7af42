import { loadConfig } from '../../platform/config/load-config.ts';
import { databaseLocation } from '../../services.ts';
import type { Database } from '../../storage/database.ts';
import { openDatabase, type DatabaseLocation } from '../../storage/open-database.ts';
import type { TestPlace } from './engines.ts';

/** Where a server on the place keeps its database. */
export function locationOf(place: TestPlace): DatabaseLocation {
  return databaseLocation(loadConfig({ env: { ...place.env } }));
}

/** Opens the database of a place, beside a server that may run on it. */
export function openPlaceDatabase(place: TestPlace): Promise<Database> {
  return openDatabase(locationOf(place));
}
