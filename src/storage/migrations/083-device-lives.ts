/**
 * Where in the log a device was made: one that is made later with the ID of one that ended is another. 0 for those that were
 * made before this was kept.
 */
export const deviceLives = {
  number: 83,
  name: 'device-lives',
  statements: [`ALTER TABLE devices ADD COLUMN made_at INTEGER NOT NULL DEFAULT 0`],
};
