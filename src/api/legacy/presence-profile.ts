import type { Profile } from '../../modules/profile/index.ts';
import { parseUserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';

/** Adds to an event `m.presence` the name and picture of its user (presence.rst of 2015, "Propagating profile information"). */
export async function withProfile(
  { profile }: { readonly profile: Profile },
  event: JsonObject,
): Promise<JsonObject> {
  const { type, sender, content } = event;
  const userId = typeof sender === 'string' ? parseUserId(sender) : undefined;
  if (type !== 'm.presence' || userId === undefined || !isJsonObject(content)) return event;
  return { ...event, content: { ...content, ...(await profile.of(userId)) } };
}
