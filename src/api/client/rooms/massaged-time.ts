import { Type } from 'typebox';
import type { Session } from '../../../wire/session.ts';

/**
 * Query parameter by which application services say when something happened (Application Service API, "Timestamp
 * massaging").
 */
export const MASSAGED_TIME = {
  ts: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
} as const;

/** The time of an event that a request sends, in milliseconds. Of others than application services `ts` is ignored. */
export function massagedTime(session: Session, { ts }: { ts?: number }): { originServerTs?: number } {
  return session.appserviceId === undefined || ts === undefined ? {} : { originServerTs: ts };
}
