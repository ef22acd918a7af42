import type { Change, NewChange } from '../database.ts';

/** Where the processes on one database tell each other what they committed (LISTEN/NOTIFY). */
export const CHANNEL = 'myelin';
/** Bytes of a batch's text in one notice: PostgreSQL refuses notices of 8,000 bytes, and the first line takes some. */
const LARGEST = 7_500;

/** A change as all processes are told of it. */
type AnnouncedChange = Omit<Change, 'local' | 'isOwn'>;

/** What a transaction tells every process. */
export interface Notice {
  /** The process that committed. */
  readonly process: string;
  /** Number of the batch in that process. */
  readonly batch: number;
  /** Newest position of the batch. */
  readonly newest: number;
  /** The changes of the batch as JSON. */
  readonly text: string;
}

/**
 * What is sent to tell of a batch: its text, cut into as many pieces as it takes, each after a line that says what it is a
 * piece of. No two are the same, for PostgreSQL sends what is the same only once.
 */
export function packNotice(
  { process, batch, newest }: Omit<Notice, 'text'>,
  changes: readonly AnnouncedChange[],
): string[] {
  const pieces = cut(JSON.stringify(changes));
  return pieces.map((piece, i) => `${process} ${batch} ${newest} ${i + 1} ${pieces.length}\n${piece}`);
}

/** A change of a batch that is being committed, as it is told. */
export function announced(change: NewChange): AnnouncedChange {
  return {
    topic: change.topic,
    position: change.position.value,
    rooms: change.rooms ?? [],
    users: change.users ?? [],
    data: change.data ?? null,
  };
}

/** The changes of which a notice tells, as those of another process. */
export function changesOf(notice: Notice): Change[] {
  return (JSON.parse(notice.text) as AnnouncedChange[]).map((change) => ({ ...change, isOwn: false }));
}

/**
 * Puts together what `packNotice` cut, on one connection: it gets all pieces of a batch, one after the other, or none.
 */
export class NoticeAssembly {
  #pieces: string[] = [];

  /** Takes a piece. Gives the notice once it is whole. */
  add(payload: string): Notice | undefined {
    const end = payload.indexOf('\n');
    const [process = '', batch, newest, number, count] = payload.slice(0, end).split(' ');
    this.#pieces.push(payload.slice(end + 1));
    if (number !== count) return undefined;
    const text = this.#pieces.join('');
    this.#pieces = [];
    return { process, batch: Number(batch), newest: Number(newest), text };
  }
}

/** A text in parts that are small enough, none of which begins within a character. */
function cut(text: string): string[] {
  const bytes = Buffer.from(text);
  if (bytes.length <= LARGEST) return [text];
  const parts: string[] = [];
  for (let from = 0; from < bytes.length;) {
    let to = Math.min(from + LARGEST, bytes.length);
    while (isWithinCharacter(bytes[to])) to -= 1;
    parts.push(bytes.toString('utf8', from, to));
    from = to;
  }
  return parts;
}

/** Whether a byte of UTF-8 is none with which a character begins. */
function isWithinCharacter(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
