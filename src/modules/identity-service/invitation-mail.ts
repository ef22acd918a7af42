import type { RoomId, UserId } from '../../protocol/identifiers.ts';

/** What a homeserver tells of an invitation, for who is invited to read. */
export interface InvitationFacts {
  readonly roomId: RoomId;
  readonly sender: UserId;
  readonly senderName?: string | undefined;
  readonly roomName?: string | undefined;
  readonly roomAlias?: string | undefined;
  readonly roomAvatarUrl?: string | undefined;
  readonly roomType?: string | undefined;
}

/** Names are what strangers say: as much of them as a mail should hold, in one line. */
const LONGEST_NAME = 100;

/** The mail to somebody who was invited by their address. The secret lets whoever reads it take the invitation up. */
export function invitationMail(
  facts: InvitationFacts & { readonly address: string },
  secret: { readonly token: string; readonly privateKey: string },
  places: { readonly clientUrl: string; readonly signUrl: string },
): { subject: string; text: string } {
  const inviter = facts.senderName ? `${oneLine(facts.senderName)} (${facts.sender})` : facts.sender;
  const place = facts.roomType === 'm.space' ? 'space' : 'room';
  const name = facts.roomName ?? facts.roomAlias;
  const called = name === undefined ? `a ${place}` : `the ${place} "${oneLine(name)}"`;
  const picture = facts.roomAvatarUrl === undefined ? '' : `\nIts picture: ${oneLine(facts.roomAvatarUrl)}\n`;
  return {
    subject: `${oneLine(facts.senderName ?? facts.sender)} invites you to Matrix`,
    text: `Hello,

${inviter} invites you into ${called} on Matrix, an open network for conversations.
${picture}
Open this page to take the invitation up:

${linkOf(facts, secret, places)}

Or prove in any Matrix client that this address is yours: then the invitation waits there for you.
If you do not know who invites you, do nothing.
`,
  };
}

/** The link in the form that web clients read invitations from. */
function linkOf(
  facts: InvitationFacts & { readonly address: string },
  secret: { readonly token: string; readonly privateKey: string },
  { clientUrl, signUrl }: { readonly clientUrl: string; readonly signUrl: string },
): string {
  const signing = new URLSearchParams({ token: secret.token, private_key: secret.privateKey });
  const query = new URLSearchParams({
    email: facts.address,
    signurl: `${signUrl}?${signing.toString()}`,
    room_name: oneLine(facts.roomName ?? ''),
    room_avatar_url: facts.roomAvatarUrl ?? '',
    inviter_name: oneLine(facts.senderName ?? ''),
  });
  return `${clientUrl.replace(/\/+$/, '')}/#/room/${encodeURIComponent(facts.roomId)}?${query.toString()}`;
}

function oneLine(text: string): string {
  return [...text.replace(/[\p{Cc}\s]+/gu, ' ').trim()].slice(0, LONGEST_NAME).join('');
}
