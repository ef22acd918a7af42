import { MatrixError } from '../protocol/matrix-error.ts';
import type { ByteBody } from './endpoint.ts';

const FORM = 'application/x-www-form-urlencoded';

/** The text of a form that was sent where JSON is taken: some endpoints take both, as they did in 2015. */
export class FormText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The fields, of which the first counts. */
  get fields(): Record<string, string> {
    const fields = new Map<string, string>();
    for (const [name, value] of new URLSearchParams(this.text)) {
      if (!fields.has(name)) fields.set(name, value);
    }
    return Object.fromEntries(fields);
  }
}

/** Whether a media type is that of a form. */
export function isForm(type: string | undefined): boolean {
  return type?.split(';', 1)[0]?.trim().toLowerCase() === FORM;
}

/** A form has a few short fields. */
const MOST_BYTES = 65_536;

/**
 * The fields of a form that was sent.
 *
 * @throws MatrixError 413 for more than 64 KiB, 400 for another media type or text that no database takes.
 */
export async function formFields(body: ByteBody): Promise<URLSearchParams> {
  if (!isForm(body.type)) {
    throw new MatrixError(400, 'M_UNKNOWN', `The form must be sent as ${FORM}`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  // Where this throws, the stream must live on: it carries the answer's connection.
  for await (const chunk of body.stream.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > MOST_BYTES) throw new MatrixError(413, 'M_TOO_LARGE', 'The form is larger than 64 KiB');
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (/%00|\0/.test(text))
    throw new MatrixError(400, 'M_INVALID_PARAM', 'The form must not hold the character NUL');
  return new URLSearchParams(text);
}
