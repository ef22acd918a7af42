import { Type, type Static } from 'typebox';
import { invalidParam } from '../../../protocol/matrix-error.ts';
import type {
  ExtensionScope,
  SlidingSyncOptions,
  StreamWish,
} from '../../../sync/sliding-sync/sliding-sync-options.ts';

const ENABLED = { enabled: Type.Optional(Type.Boolean()) };

const IN_ROOMS = Type.Object({
  ...ENABLED,
  lists: Type.Optional(Type.Array(Type.String())),
  rooms: Type.Optional(Type.Array(Type.String())),
});

/** What clients ask for besides rooms. Extensions that are not known are ignored. */
export const EXTENSIONS = Type.Object({
  to_device: Type.Optional(
    Type.Object({
      ...ENABLED,
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      since: Type.Optional(Type.String()),
    }),
  ),
  e2ee: Type.Optional(Type.Object(ENABLED)),
  account_data: Type.Optional(IN_ROOMS),
  receipts: Type.Optional(IN_ROOMS),
  typing: Type.Optional(IN_ROOMS),
  'org.matrix.msc4354.sticky_events': Type.Optional(
    Type.Object({
      ...ENABLED,
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      since: Type.Optional(Type.String()),
    }),
  ),
  'org.matrix.msc4262.profiles': Type.Optional(
    Type.Object({ ...ENABLED, fields: Type.Optional(Type.Array(Type.String(), { maxItems: 20 })) }),
  ),
  'io.element.msc4308.thread_subscriptions': Type.Optional(
    Type.Object({ ...ENABLED, limit: Type.Optional(Type.Integer({ minimum: 1 })) }),
  ),
});

type Extensions = Static<typeof EXTENSIONS>;

const MOST = 100;

/** The extensions that belong to no room. */
export function accountExtensions(
  extensions: Extensions,
): Pick<SlidingSyncOptions, 'toDevice' | 'stickyEvents' | 'encryption' | 'profiles' | 'threadSubscriptions'> {
  const { to_device: toDevice, e2ee } = extensions;
  const sticky = extensions['org.matrix.msc4354.sticky_events'];
  const profiles = extensions['org.matrix.msc4262.profiles'];
  const threads = extensions['io.element.msc4308.thread_subscriptions'];
  return {
    toDevice: toDevice?.enabled === true ? streamOf('to_device', toDevice) : undefined,
    stickyEvents: sticky?.enabled === true ? streamOf('org.matrix.msc4354.sticky_events', sticky) : undefined,
    encryption: e2ee?.enabled === true,
    profiles: profiles?.enabled === true ? { fields: profiles.fields } : undefined,
    threadSubscriptions: threads?.enabled === true ? Math.min(threads.limit ?? MOST, MOST) : undefined,
  };
}

/** For which rooms an extension is wanted, if it is at all. */
export function scopeOf(asked: Static<typeof IN_ROOMS> | undefined): ExtensionScope | undefined {
  if (asked?.enabled !== true) return undefined;
  const all = (names: readonly string[] | undefined) =>
    names === undefined || names.includes('*') ? undefined : names;
  return { lists: all(asked.lists), rooms: all(asked.rooms) };
}

function streamOf(name: string, asked: { since?: string; limit?: number }): StreamWish {
  const { since, limit = MOST } = asked;
  if (since === undefined) return { since: undefined, limit };
  if (!/^\d{1,15}$/.test(since)) {
    throw invalidParam(`"extensions.${name}.since" must be the "next_batch" of the answer before`);
  }
  return { since: Number(since), limit };
}
