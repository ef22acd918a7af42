import type { Config } from './schema.ts';

/** An option that does not go with the others. */
export interface Mismatch {
  /** Of the option, with dots. */
  readonly path: string;
  readonly text: string;
}

/** What each option is right by itself and still cannot be: what needs another option that is not given. */
export function mismatches(config: Config): Mismatch[] {
  const { database, federation, media, recaptcha, threepids, turn } = config;
  const { access_key_id: keyId, secret_access_key: key } = media.s3;
  const usesS3 = media.store === 's3';
  const provesMail = config.mail.smtp_url !== '' || threepids.trusted_identity_servers.length > 0;
  const provesNumbers = threepids.sms_url !== '' || threepids.trusted_identity_servers.length > 0;
  const isTurnOpen = turn.shared_secret === '' && (turn.username === '' || turn.password === '');
  const hasFile = federation.certificate_file !== '';
  const hasKey = federation.private_key_file !== '';
  const rules: [boolean, string, string][] = [
    [
      database.engine === 'postgres' && database.url === '',
      'database.url',
      'must be given for the engine postgres',
    ],
    [hasFile && !hasKey, 'federation.private_key_file', 'must be given with federation.certificate_file'],
    [hasKey && !hasFile, 'federation.certificate_file', 'must be given with federation.private_key_file'],
    [
      federation.present_certificate && !hasFile,
      'federation.certificate_file',
      'must be given for federation.present_certificate',
    ],
    [usesS3 && media.s3.bucket === '', 'media.s3.bucket', 'must be given for the store s3'],
    [usesS3 && keyId !== '' && key === '', 'media.s3.secret_access_key', 'must be given with access_key_id'],
    [usesS3 && key !== '' && keyId === '', 'media.s3.access_key_id', 'must be given with secret_access_key'],
    [
      threepids.registration_email === 'required' && !provesMail,
      'threepids.registration_email',
      'can be required only with mail.smtp_url or threepids.trusted_identity_servers',
    ],
    [
      threepids.registration_msisdn === 'required' && !provesNumbers,
      'threepids.registration_msisdn',
      'can be required only with threepids.sms_url or threepids.trusted_identity_servers',
    ],
    [recaptcha.site_key !== '' && recaptcha.secret === '', 'recaptcha.secret', 'must be given with site_key'],
    [
      turn.uris.length > 0 && isTurnOpen,
      'turn.shared_secret',
      'must be given with turn.uris, or else turn.username and turn.password',
    ],
  ];
  return [
    ...rules.filter(([isWrong]) => isWrong).map(([, path, text]) => ({ path, text })),
    ...providersWithoutPlace(config),
  ];
}

function providersWithoutPlace({ sso }: Config): Mismatch[] {
  return sso.providers
    .filter((one) => {
      const endpoints = [one.authorization_endpoint, one.token_endpoint, one.userinfo_endpoint];
      return one.issuer === '' && endpoints.includes('');
    })
    .map(({ id }) => ({
      path: 'sso.providers',
      text: `${id} must have issuer, or authorization_endpoint, token_endpoint and userinfo_endpoint`,
    }));
}
