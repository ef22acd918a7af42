import { MatrixError } from '../protocol/matrix-error.ts';

/** What other processes did of which this one had not heard when it decided. */
export interface News {
  /** How far the process was told. */
  position(): number;
  /**
   * Whether others changed anything of these rooms and users after a position, as far as the process knows once it was told of
   * all that is there now. Undefined where nobody else writes.
   */
  about(names: readonly string[], since: number): Promise<boolean> | undefined;
}

/**
 * Whether an error says that something is not so, which may be so since a moment ago. Not what says that somebody else
 * was first while this was under way (M_BAD_STATE): done anew, it would be done on top of that.
 */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof MatrixError)) return false;
  const { status, errcode } = error;
  if (status === 401) return errcode === 'M_USER_LOCKED';
  return status === 403 || status === 404 || (status === 400 && errcode === 'M_UNKNOWN');
}

/**
 * Answers a request, or finds out who asks. A refusal may rest on what this process remembers of a room or a user, while
 * another one has answered the same client for a change of it: it is decided once more where there is news about who asks
 * or what is asked for. Only who is refused waits for that.
 *
 * @param handle may be called twice: what it does before it refuses is no news, but may be done again where there is
 *   other news.
 * @param names gives the rooms and users that the request is about.
 */
export async function decidedTwice<Result>(
  handle: () => Promise<Result> | Result,
  news: News,
  names: () => readonly string[],
): Promise<Result> {
  const since = news.position();
  try {
    return await handle();
  } catch (error) {
    if (!isRefusal(error) || !(await isOutdated(news, names(), since))) throw error;
  }
  return handle();
}

/** Where that cannot be found out, the refusal holds. Of what names no room and no user, nothing is waited for. */
async function isOutdated(news: News, names: readonly string[], since: number): Promise<boolean> {
  if (names.length === 0) return false;
  try {
    return (await news.about(names, since)) ?? false;
  } catch {
    return false;
  }
}

/** The rooms and users named at the top of parts of a request, and the user who asks. */
export function namesIn(parts: readonly unknown[], userId: string | undefined): string[] {
  const names = userId === undefined ? [] : [userId];
  for (const part of parts) {
    if (typeof part !== 'object' || part === null) continue;
    for (const value of Object.values(part)) {
      if (typeof value === 'string' && /^[!@]/.test(value)) names.push(value);
    }
  }
  return names;
}
