/**
 * A bot of matrix-bot-sdk: a user of its namespace joins every room that it is invited to and repeats each message of
 * others. What it is told of goes, one event ID a line, into a file, so that nothing missing or doubled stays unseen.
 *
 * Arguments: homeserver address, registration file, its own port, folder for what it keeps.
 */
const { appendFileSync, readFileSync } = require('node:fs');
const { join } = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');
const {
  Appservice,
  LogService,
  SimpleFsStorageProvider,
  SimpleRetryJoinStrategy,
} = require('matrix-bot-sdk');

const [homeserverUrl, registrationFile, port, folder] = process.argv.slice(2);
const registration = JSON.parse(readFileSync(registrationFile, 'utf8'));
LogService.setLogger({ info() {}, warn() {}, error() {}, debug() {}, trace() {} });

const appservice = new Appservice({
  homeserverName: 'localhost',
  homeserverUrl,
  port: Number(port),
  bindAddress: '127.0.0.1',
  registration,
  storage: new SimpleFsStorageProvider(join(folder, 'bot.json')),
  joinStrategy: new SimpleRetryJoinStrategy(),
});
const parrot = appservice.getIntentForUserId('@_bot_parrot:localhost');

appservice.on('query.user', (userId, create) => create({ display_name: `Bot ${userId}` }));
appservice.on('room.invite', (roomId, event) => {
  if (event.state_key === parrot.userId) return parrot.joinRoom(roomId);
});
appservice.on('room.message', (roomId, event) => {
  if (event.sender === parrot.userId) return;
  appendFileSync(join(folder, 'told.txt'), `${event.event_id}\n`);
  repeats = repeats.then(() => repeat(roomId, event));
});

let repeats = Promise.resolve();

/** The transaction ID is the event's, so that a second try says nothing twice. */
async function repeat(roomId, event) {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${encodeURIComponent(event.event_id)}`;
  for (;;) {
    try {
      await parrot.underlyingClient.doRequest('PUT', path, null, {
        msgtype: 'm.notice',
        body: event.content.body,
      });
      return;
    } catch {
      await delay(100);
    }
  }
}

process.on('SIGTERM', () => {
  appservice.stop();
  repeats.then(() => process.exit(0));
});
appservice.begin().then(() => process.stdout.write('ready\n'));
