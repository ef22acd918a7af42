/** How much came into a room since it was joined without its members: all of it is judged again once they are here. */
export const unsettledEvents = {
  number: 70,
  name: 'unsettled-events',
  statements: [`ALTER TABLE partial_rooms ADD COLUMN unsettled INTEGER NOT NULL DEFAULT 0`],
};
