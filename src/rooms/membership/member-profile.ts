import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomWriter } from '../appending/room-writer.ts';
import { memberContent, type MemberProfile, type ProfileOf } from './member-content.ts';

/** What a membership event says of a profile. */
interface Written {
  readonly displayname?: unknown;
  readonly avatar_url?: unknown;
}

/** Keeps what membership events repeat of profiles as the profiles are. */
export class MemberProfiles {
  readonly #writer: RoomWriter;
  readonly #profileOf: ProfileOf;

  constructor(writer: RoomWriter, profileOf: ProfileOf) {
    this.#writer = writer;
    this.#profileOf = profileOf;
  }

  /** Writes name and picture of the user into a room that they are joined to, where they may write that. */
  async refresh(roomId: RoomId, userId: UserId): Promise<void> {
    try {
      await this.#writer.append(roomId, async (room) => {
        // It may have been changed again, which another process has written into this room already.
        const profile = await this.#profileOf(userId);
        const event = await room.stateEvent('m.room.member', userId);
        if (event?.content.membership !== 'join' || isSame(event.content, profile)) return;
        const content = memberContent('join', profile);
        await room.add({ type: 'm.room.member', stateKey: userId, content, sender: userId });
      });
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
    }
  }

  /**
   * To be called once a join is committed, with what it says: whoever changed the profile before that did not know that
   * the user is in the room, and whoever does so later does.
   */
  async follow(roomId: RoomId, userId: UserId, written: Written): Promise<void> {
    if (!isSame(written, await this.#profileOf(userId))) await this.refresh(roomId, userId);
  }
}

function isSame(content: Written, profile: MemberProfile): boolean {
  return content.displayname === profile.displayname && content.avatar_url === profile.avatar_url;
}
