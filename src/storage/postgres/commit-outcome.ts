import type pg from 'pg';

/** How long it is asked what became of a transaction, in milliseconds, and how long it waits before it asks again. */
const PATIENCE_MS = 10_000;
const AGAIN_MS = 20;

/**
 * Whether a transaction took place whose connection was lost as it was committed. Its positions say nothing of that:
 * where it did not, another one was given them.
 *
 * @param transaction as `txid_current` named it.
 * @returns false, too, where nobody can be asked, or it is still under way, for ten seconds.
 */
export async function wasCommitted(pool: pg.Pool, transaction: number): Promise<boolean> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const status = await statusOf(pool, transaction).catch(() => undefined);
    if (status === 'committed') return true;
    if (status === 'aborted' || performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

async function statusOf(pool: pg.Pool, transaction: number): Promise<unknown> {
  const { rows } = await pool.query('SELECT txid_status($1) AS status', [transaction]);
  return (rows as { status: unknown }[])[0]?.status;
}
