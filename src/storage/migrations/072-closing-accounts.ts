/** Accounts that are closed and may still be in rooms, those among them that earlier versions did not get out of theirs. */
export const closingAccounts = {
  number: 72,
  name: 'closing-accounts',
  statements: [
    `CREATE TABLE closing_accounts (user_id TEXT PRIMARY KEY) WITHOUT ROWID`,
    `INSERT INTO closing_accounts (user_id)
       SELECT user_id FROM users WHERE deactivated = 1 AND EXISTS (
         SELECT 1 FROM memberships
         WHERE memberships.user_id = users.user_id AND membership IN ('join', 'invite', 'knock'))`,
  ],
};
