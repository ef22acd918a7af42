/**
 * Membership events of application services' users in rooms that are not here, which are in no timeline: those that a
 * service is still to be told of, each with its place in the log.
 */
export const outsideAppserviceEvents = {
  number: 81,
  name: 'outside-appservice-events',
  statements: [
    `CREATE TABLE outside_appservice_events (
      appservice_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      PRIMARY KEY (appservice_id, position)
    ) WITHOUT ROWID`,
  ],
};
