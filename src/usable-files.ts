import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { readRegistrationFiles } from './accounts/application-services/registration-files.ts';
import { INCOMING_FOLDER, MEDIA_FOLDER } from './modules/content-repository/index.ts';
import { ConfigError } from './platform/config/load-config.ts';
import type { Config } from './platform/config/schema.ts';
import { readSigningKey } from './platform/signing-key-file.ts';
import type { Database } from './storage/database.ts';
import { openDatabase, reserveDatabase, type DatabaseLocation } from './storage/open-database.ts';
import { signingKeyFile } from './server-identity.ts';
import { databaseLocation } from './services.ts';

/**
 * Looks at the files that a configuration names, and at those of the data folder that are there. Makes none.
 *
 * @throws ConfigError with a line for each that cannot be used: the option, the file, and why.
 */
export function assertFilesUsable(config: Config): void {
  const { ca_file: authorities } = config.outgoing;
  const problems = [
    problemOf('data_dir', '', () => mustBeFolder(join(config.data_dir, MEDIA_FOLDER, INCOMING_FOLDER))),
    problemOf('data_dir', '', () => mustBeKey(signingKeyFile(config))),
    authorities === ''
      ? undefined
      : problemOf('outgoing.ca_file', authorities, () => new X509Certificate(readFileSync(authorities))),
    ...certificateProblems(config),
    problemOf('application_services.files', '', () =>
      readRegistrationFiles(config.application_services.files),
    ),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new ConfigError(problems);
}

/**
 * Opens the database of a configuration and brings its schema up to date.
 *
 * @throws Error naming the option, for SQLite the file, and why it cannot be used.
 */
export async function openConfiguredDatabase(config: Config): Promise<Database> {
  const location = databaseLocation(config);
  return blamed(placeOf(location), openDatabase(location));
}

/**
 * Keeps the database of a configuration for the one server that it can have, where its engine knows one only.
 *
 * @returns what releases it.
 * @throws Error naming the option and file, and why not.
 */
export async function reserveConfiguredDatabase(config: Config): Promise<() => void> {
  const location = databaseLocation(config);
  return blamed(placeOf(location), reserveDatabase(location));
}

function placeOf(location: DatabaseLocation): string {
  return location.engine === 'sqlite' ? `data_dir: ${location.path}` : 'database.url';
}

/** What something results in; where it fails, the reason names the option that is to blame. */
export async function blamed<Result>(option: string, result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    throw new Error(`${option}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Nor may those above it be anything else. */
function mustBeFolder(path: string): void {
  if (!existsSync(path)) {
    if (dirname(path) !== path) mustBeFolder(dirname(path));
  } else if (!statSync(path).isDirectory()) throw new Error(`${path}: must be a folder, or nothing yet`);
}

function mustBeKey(file: string): void {
  if (existsSync(file)) readSigningKey(file);
}

/** Of the certificate, its key, and whether they belong together; the key is not looked at where nobody uses it. */
function certificateProblems({ federation, roles }: Config): (string | undefined)[] {
  const { certificate_file: certificate, private_key_file: key, present_certificate: isShown } = federation;
  if (certificate === '') return [];
  const ofCertificate = problemOf('federation.certificate_file', certificate, () =>
    createSecureContext({ cert: readFileSync(certificate) }),
  );
  if (!isShown && roles.every((role) => role === 'client')) return [ofCertificate];
  const ofKey = problemOf('federation.private_key_file', key, () =>
    createSecureContext({ key: readFileSync(key) }),
  );
  if (ofCertificate !== undefined || ofKey !== undefined) return [ofCertificate, ofKey];
  return [
    problemOf('federation.private_key_file', key, () =>
      createSecureContext({ cert: readFileSync(certificate), key: readFileSync(key) }),
    ),
  ];
}

/** What is wrong with a file; without its name where the reason has it. */
function problemOf(option: string, file: string, use: () => unknown): string | undefined {
  try {
    use();
    return undefined;
  } catch (error) {
    return `${option}: ${file === '' ? '' : `${file}: `}${reasonOf(error)}`;
  }
}

function reasonOf(error: unknown): string {
  const { code, message, errors } = error as { code?: string; message: string; errors?: readonly Error[] };
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'this user may not read or write it';
  if (code === 'ERR_OSSL_PEM_NO_START_LINE' || code === 'ERR_OSSL_UNSUPPORTED') return 'must be PEM';
  if (code === 'ERR_OSSL_BAD_DECRYPT') return 'is locked with a passphrase: it must be without one';
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH') return 'is not the key of the certificate';
  // Of a host with several addresses each has its own.
  return message === '' && errors ? errors.map((one) => one.message).join('; ') : message;
}
