import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';

/** A place for a server to keep things in, gone after the test. */
export interface TestPlace {
  readonly engine: 'sqlite' | 'postgres';
  readonly dataDir: string;
  /** Environment variables that point a server there. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

const postgresUrl = process.env.MYELIN_TEST_POSTGRES;
/** The database that those of tests are copied from. */
const template = process.env.MYELIN_TEST_TEMPLATE ?? 'template0';
/** How it is copied, in the words of CREATE DATABASE. */
const strategy = process.env.MYELIN_TEST_STRATEGY ?? '';

/** The database file that those of tests are copied from, for SQLite. Without one each server makes its own. */
const templateFile = process.env.MYELIN_TEST_TEMPLATE_FILE;

/** Engines that tests run on here. `npm test` starts a PostgreSQL; without one its half is left out, loudly. */
export const ENGINES: readonly ('sqlite' | 'postgres')[] = postgresUrl ? ['sqlite', 'postgres'] : ['sqlite'];

if (!postgresUrl) {
  process.stderr.write('NO POSTGRESQL: these tests run on SQLite only. "npm test" starts a PostgreSQL.\n');
  if (process.env.CI === 'true') throw new Error('In CI the tests must run on PostgreSQL, too');
}

/** Declares a test for each engine; or for some, where engines make no difference and time does. */
export function onBothEngines(
  title: string,
  run: (place: TestPlace) => Promise<void>,
  engines: readonly TestPlace['engine'][] = ENGINES,
): void {
  for (const engine of ENGINES.filter((one) => engines.includes(one))) {
    void test(`${title} (${engine})`, async () => {
      const place = await makePlace(engine);
      try {
        await run(place);
      } finally {
        await place.remove();
      }
    });
  }
}

/** A fresh, empty place. */
export async function makePlace(engine: 'sqlite' | 'postgres'): Promise<TestPlace> {
  const dataDir = mkdtempSync(join(tmpdir(), 'myelin-test-'));
  const removeFolder = () => rmSync(dataDir, { recursive: true, force: true });
  if (engine === 'sqlite') {
    if (templateFile !== undefined) copyFileSync(templateFile, join(dataDir, 'myelin.db'));
    return {
      engine,
      dataDir,
      env: { MYELIN_DATA_DIR: dataDir, MYELIN_DATABASE_ENGINE: 'sqlite' },
      remove: () => Promise.resolve(removeFolder()),
    };
  }
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(
    `CREATE DATABASE ${name} TEMPLATE ${template} ${strategy} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  const url = new URL(postgresUrl ?? '');
  url.pathname = `/${name}`;
  return {
    engine,
    dataDir,
    env: {
      MYELIN_DATA_DIR: dataDir,
      MYELIN_DATABASE_ENGINE: 'postgres',
      MYELIN_DATABASE_URL: url.href,
      MYELIN_DATABASE_POOL_SIZE: '4',
    },
    remove: async () => {
      removeFolder();
      await administer(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

async function administer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
