import { Type, type Static } from 'typebox';

const NAMES = Type.Optional(Type.Union([Type.Array(Type.String()), Type.String()]));

/** Servers that may be in a room; `server_name` is what `via` was called before. */
export const ViaQuery = Type.Object({ via: NAMES, server_name: NAMES });

/** The names given, under either key; not checked. */
export function viaOf({ via, server_name: serverName }: Static<typeof ViaQuery>): string[] {
  return [via ?? [], serverName ?? []].flat();
}
