import { hash } from 'node:crypto';

/** How tokens are kept: their SHA-256. Who reads the database cannot log in with it. */
export function tokenHash(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
