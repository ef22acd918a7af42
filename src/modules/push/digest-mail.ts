import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import { matrixToRoom } from '../../protocol/matrix-uri.ts';
import type { Mail } from '../../platform/mailer.ts';
import { escapeHtml } from '../../platform/html-text.ts';
import type { LoggedEvent } from '../../rooms/reading/room-reads.ts';

/** A message that was missed. */
export interface MissedMessage {
  readonly sender: string;
  readonly event: LoggedEvent;
}

/** A room with what was missed there, oldest first. */
export interface MissedRoom {
  readonly name: string;
  readonly roomId: RoomId;
  readonly messages: readonly MissedMessage[];
}

/** Messages of a room that are shown, the newest; and characters of each. */
const MOST_SHOWN = 10;
const MOST_CHARACTERS = 500;
const MOST_SUBJECT = 80;

/** The mail that tells somebody what they missed, in text and HTML, with a way to have no more of them. */
export function digestMail(facts: {
  to: string;
  serverName: ServerName;
  rooms: readonly MissedRoom[];
  unsubscribeLink: string;
}): Mail {
  const { to, serverName, rooms, unsubscribeLink } = facts;
  const count = rooms.reduce((sum, room) => sum + room.messages.length, 0);
  const what = count === 1 ? 'A message' : `${count} messages`;
  const [first] = rooms;
  const where = rooms.length === 1 && first ? first.name : `${rooms.length} rooms`;
  const ending = `You get this mail because a client of yours asked ${serverName} for it.`;
  return {
    to,
    subject: shortened(`${what} you have not read in ${where}`, MOST_SUBJECT),
    text: `${rooms.map((room) => roomText(room, serverName)).join('\n')}\n-- \n${ending}\nNo more of these mails: ${unsubscribeLink}\n`,
    html: `<!doctype html>
<html lang="en">
<body style="font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem">
${rooms.map((room) => roomHtml(room, serverName)).join('\n')}
<hr>
<p style="font-size: .85rem; color: #666">${escapeHtml(ending)}
<a href="${escapeHtml(unsubscribeLink)}">No more of these mails</a></p>
</body>
</html>
`,
    headers: {
      'List-Unsubscribe': `<${unsubscribeLink}>`,
      'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      'Auto-Submitted': 'auto-generated',
    },
  };
}

function roomText(room: MissedRoom, server: ServerName): string {
  const lines = shown(room).map(({ sender, event }) => `  ${timeOf(event)} ${sender}: ${wordsOf(event)}`);
  const link = matrixToRoom(room.roomId, [server]);
  return [room.name, link, ...lines, ...omitted(room).map((one) => `  ${one}`), ''].join('\n');
}

function roomHtml(room: MissedRoom, server: ServerName): string {
  const items = shown(room).map(
    ({ sender, event }) =>
      `<li><small>${timeOf(event)}</small> <b>${escapeHtml(sender)}</b>: ${escapeHtml(wordsOf(event))}</li>`,
  );
  const more = omitted(room).map((one) => `<li>${escapeHtml(one)}</li>`);
  const link = escapeHtml(matrixToRoom(room.roomId, [server]));
  return `<h2 style="font-size: 1.1rem"><a href="${link}">${escapeHtml(room.name)}</a></h2>
<ul>
${[...items, ...more].join('\n')}
</ul>`;
}

function shown({ messages }: MissedRoom): readonly MissedMessage[] {
  return messages.slice(-MOST_SHOWN);
}

function omitted({ messages }: MissedRoom): string[] {
  const count = messages.length - MOST_SHOWN;
  return count > 0 ? [`and ${count} before`] : [];
}

function timeOf({ originServerTs }: LoggedEvent): string {
  const time = new Date(originServerTs);
  return Number.isNaN(time.getTime()) ? '' : `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function wordsOf({ type, content }: LoggedEvent): string {
  if (type === 'm.room.encrypted') return '(an encrypted message)';
  if (type === 'm.room.member') return '(an invitation)';
  const { body } = content;
  if (type === 'm.room.message' && typeof body === 'string') {
    return shortened(body.replace(/\s+/g, ' '), MOST_CHARACTERS);
  }
  return `(${type})`;
}

function shortened(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most).toWellFormed()}…`;
}
