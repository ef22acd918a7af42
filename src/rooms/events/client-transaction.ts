import type { DeviceId } from '../../protocol/identifiers.ts';

/** The request that made an event: it is shown to the device that sent it, and to nobody else. */
export interface ClientTransaction {
  readonly deviceId: DeviceId | undefined;
  readonly txnId: string;
}

/** The transaction as one text: the length of the device ID, a space, the device ID, the transaction ID. */
export function encodeTransaction({ deviceId = '' as DeviceId, txnId }: ClientTransaction): string {
  return `${deviceId.length} ${deviceId}${txnId}`;
}

/** What `encodeTransaction` made. */
export function decodeTransaction(text: string): { deviceId: string; txnId: string } {
  const start = text.indexOf(' ') + 1;
  const end = start + Number.parseInt(text, 10);
  return { deviceId: text.slice(start, end), txnId: text.slice(end) };
}
