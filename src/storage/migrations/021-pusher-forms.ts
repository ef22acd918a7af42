/** How a pusher's gateway is told: as today, or as in 2015. */
export const pusherForms = {
  number: 21,
  name: 'pusher-forms',
  statements: [`ALTER TABLE pushers ADD COLUMN form TEXT NOT NULL DEFAULT 'today'`],
};
