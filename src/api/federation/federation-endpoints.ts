import { sendTransaction } from './send-transaction.ts';
import { bulkPerspectivesKeyQuery, getServerKey, perspectivesKeyQuery } from './server-keys.ts';
import { getServerWellKnown, getVersion } from './version.ts';

/** Endpoints for other servers. */
export const federationEndpoints = [
  bulkPerspectivesKeyQuery,
  getServerKey,
  getServerWellKnown,
  getVersion,
  perspectivesKeyQuery,
  sendTransaction,
] as const;
