import { MailSink } from '../gateways/mail-sink.ts';
import type { TestClient } from '../client/test-client.ts';
import { TextGateway } from '../gateways/text-gateway.ts';

/** The paths of the identity service of today, and of 2015. */
export const V2 = '/_matrix/identity/v2';
export const V1 = '/_matrix/identity/api/v1';

/** Where the mails and the text messages of all servers of this process go, for as long as it runs. */
export const sink = await MailSink.start();
export const gateway = await TextGateway.start();
for (const one of [sink, gateway]) one.unref();

/** Settings of a homeserver that is an identity service, too. */
export const ENV = {
  MYELIN_ROLES: 'client,federation,identity',
  MYELIN_MAIL_SMTP_URL: sink.url,
  MYELIN_THREEPIDS_SMS_URL: gateway.url,
  MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
};

/** Proves an address at the identity server by what was sent there. */
export async function prove(
  client: TestClient,
  email: string,
  version = V2,
): Promise<{ sid: string; client_secret: string }> {
  const before = sink.count(email);
  const ask = { client_secret: 'secret', email, send_attempt: before + 1 };
  const { sid } = await client.ok('POST', `${version}/validate/email/requestToken`, ask);
  const token = sink.link(email, before + 1).searchParams.get('token');
  const creds = { sid: String(sid), client_secret: 'secret' };
  await client.ok('POST', `${version}/validate/email/submitToken`, { ...creds, token });
  return creds;
}

/** Where who was invited has it signed that they are that one, by the mail they got first. */
export function signUrlIn(to: string): URL {
  return new URL(new URLSearchParams(sink.link(to).hash.split('?')[1]).get('signurl') ?? '');
}

/** What that mail holds, and nobody else has. */
export function secretIn(to: string): Record<string, string> {
  return Object.fromEntries(signUrlIn(to).searchParams);
}
