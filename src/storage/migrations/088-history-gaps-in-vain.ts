/** How often a missing event of the history was asked for in vain: it has to wait for those that were asked for less often. */
export const historyGapsInVain = {
  number: 88,
  name: 'history-gaps-in-vain',
  statements: [
    `ALTER TABLE history_gaps ADD COLUMN in_vain INTEGER NOT NULL DEFAULT 0`,
    `CREATE INDEX history_gaps_in_turn ON history_gaps (room_id, in_vain, depth DESC, event_id)`,
  ],
};
