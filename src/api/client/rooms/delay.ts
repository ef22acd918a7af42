import { Type, type Static } from 'typebox';

/** How long an event is to be delayed (MSC4140), in milliseconds. */
export const DELAY = Type.Object({ 'org.matrix.msc4140.delay': Type.Optional(Type.Integer()) });

export type Delay = Static<typeof DELAY>;

/** The delay that a request asks for; undefined to send at once. */
export function delayOf(query: Delay): number | undefined {
  return query['org.matrix.msc4140.delay'];
}
