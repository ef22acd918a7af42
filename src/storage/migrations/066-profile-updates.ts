/** When each field of a profile changed last, or went, so that people in the same rooms can be told. */
export const profileUpdates = {
  number: 66,
  name: 'profile-updates',
  statements: [
    `CREATE TABLE profile_updates (
      user_id TEXT NOT NULL,
      field TEXT NOT NULL,
      position BIGINT NOT NULL,
      PRIMARY KEY (user_id, field)
    )`,
    `CREATE INDEX profile_updates_by_position ON profile_updates (position)`,
  ],
};
