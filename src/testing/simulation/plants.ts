import type { Database, Reader, SqlValue, Statement } from '../../storage/database.ts';
import type { Plant } from './simulated-server.ts';

/** Bugs that a simulation must find, each put in place through what a server is composed of. */
export const PLANTS: Readonly<Record<string, Plant>> = {
  /** Everybody may change what only the powerful may. */
  'auth-rule': {
    rules: (_server, right) => ({
      ...right,
      checkAuth: (version, event, state) => {
        const result = right.checkAuth(version, event, state);
        return event.type === 'm.room.power_levels' ? { allowed: true } : result;
      },
    }),
  },

  /** What was not sent when the process ended is forgotten: the queue begins where the log ends. */
  'queue-persistence': { database: forgetQueues },

  /** After a fork each server believes its own events. */
  'fork-handling': {
    rules: (server, right) => ({
      ...right,
      resolveConflicts: (version, states, source) => {
        const resolved = new Map(right.resolveConflicts(version, states, source));
        for (const [key, candidates] of states.conflicted) {
          const own = candidates.find(
            (id) => id !== undefined && source.event(id)?.sender.endsWith(`:${server}`) === true,
          );
          if (own !== undefined) resolved.set(key, own);
        }
        return resolved;
      },
    }),
  },
};

/** A database from which nobody learns what was to be sent before it was opened. */
function forgetQueues(right: Database): Database {
  const opened = right.position();
  const forgotten = <Row>(statement: Statement, rows: Row[]): Row[] => {
    if (statement.text.includes('outgoing_edus') || statement.text.includes('events.outgoing = 1')) {
      return rows.filter((row) => ((row as { position?: number }).position ?? 0) > opened);
    }
    return rows;
  };
  return new Proxy(right, {
    get: (target, name) => {
      if (name === 'all') {
        return async <Row>(statement: Statement, ...parameters: SqlValue[]) =>
          forgotten(statement, await target.all<Row>(statement, ...parameters));
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as Reader['get']) : value;
    },
  });
}
