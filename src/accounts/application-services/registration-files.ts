import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import {
  assertDistinct,
  parseRegistration,
  type AppserviceRegistration,
} from '../../protocol/application-services/registration.ts';
import type { JsonValue } from '../../protocol/json.ts';

/**
 * Reads the registration files of application services (YAML).
 *
 * @throws Error naming the file and what is wrong with it.
 */
export function readRegistrationFiles(files: readonly string[]): AppserviceRegistration[] {
  const registrations = files.map((file) => {
    try {
      return parseRegistration(parse(readFileSync(file, 'utf8')) as JsonValue);
    } catch (error) {
      throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
    }
  });
  assertDistinct(registrations);
  return registrations;
}
