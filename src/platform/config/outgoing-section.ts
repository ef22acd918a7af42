import { Type } from 'typebox';
import { written } from './forms.ts';

/** Requests that the server makes itself. */
export const outgoingSection = Type.Object(
  {
    allowed_ranges: Type.Array(written('address range'), {
      default: [],
      description:
        'Ranges of addresses such as `10.0.0.0/8` that the server may reach although they are not on the open internet.',
    }),
    ca_file: Type.String({
      default: '',
      description: 'Certificates (PEM) of authorities to trust beside those that everybody trusts.',
    }),
  },
  { additionalProperties: false, description: 'Requests that the server itself makes' },
);

/** Mail that the server sends. */
export const mailSection = Type.Object(
  {
    smtp_url: written('mail server', {
      default: '',
      description: 'Mail server: `smtp://user:password@host:port`, or `smtps://…`. Empty: no mail is sent.',
    }),
    from: Type.String({
      minLength: 1,
      default: 'Matrix <noreply@localhost>',
      description: 'Sender of mail.',
    }),
  },
  { additionalProperties: false, description: 'Mail' },
);
