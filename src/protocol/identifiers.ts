declare const brand: unique symbol;
type Brand<Name extends string> = string & { readonly [brand]: Name };

/** `@localpart:server` */
export type UserId = Brand<'UserId'>;
/** `!opaque:server`, or `!hash` from room version 12 on */
export type RoomId = Brand<'RoomId'>;
/** `$opaque:server` (versions 1, 2) or `$hash` */
export type EventId = Brand<'EventId'>;
/** `#alias:server` */
export type RoomAlias = Brand<'RoomAlias'>;
/** host, optionally with a port */
export type ServerName = Brand<'ServerName'>;
/** opaque, chosen by client or server */
export type DeviceId = Brand<'DeviceId'>;
