import { Type } from 'typebox';
import type { CrossSigningResets } from '../../../accounts/oauth/cross-signing-resets.ts';
import type { CrossSigning, CrossSigningKeys } from '../../../modules/end-to-end-encryption/index.ts';
import { userId } from '../../../protocol/identifiers.ts';
import type { JsonObject } from '../../../protocol/json.ts';
import { clientPaths, endpoint } from '../../../wire/endpoint.ts';

const Key = Type.Object({
  user_id: Type.String(),
  usage: Type.Array(Type.String(), { maxItems: 10 }),
  keys: Type.Record(Type.String(), Type.String({ maxLength: 1_000 })),
  signatures: Type.Optional(Type.Record(Type.String(), Type.Record(Type.String(), Type.String()))),
});

/** POST /keys/device_signing/upload: the first keys need no more than an access token. */
export const uploadCrossSigningKeys = endpoint(
  {
    id: 'uploadCrossSigningKeys',
    spec: 'client-server-api/#post_matrixclientv3keysdevice_signingupload',
    method: 'POST',
    paths: clientPaths('/keys/device_signing/upload', { unstable: ['org.matrix.msc1756'] }).concat(
      '/_matrix/client/unstable/keys/device_signing/upload',
    ),
    auth: 'user',
    body: Type.Object({
      master_key: Type.Optional(Key),
      self_signing_key: Type.Optional(Key),
      user_signing_key: Type.Optional(Key),
      auth: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    }),
  },
  async (needs: { crossSigning: CrossSigning; crossSigningResets: CrossSigningResets }, request) => {
    const { body, session } = request;
    const keys: CrossSigningKeys = Object.fromEntries(
      (['master', 'self_signing', 'user_signing'] as const)
        .map((usage) => [usage, body[`${usage}_key`] as JsonObject | undefined])
        .filter(([, key]) => key !== undefined),
    );
    if (await needs.crossSigning.uploadFirst(session.userId, keys)) return {};
    await needs.crossSigningResets.confirm(session, body.auth, request.baseUrl);
    await needs.crossSigning.upload(session.userId, keys);
    return {};
  },
);

/** POST /keys/signatures/upload */
export const uploadCrossSigningSignatures = endpoint(
  {
    id: 'uploadCrossSigningSignatures',
    spec: 'client-server-api/#post_matrixclientv3keyssignaturesupload',
    method: 'POST',
    paths: clientPaths('/keys/signatures/upload').concat('/_matrix/client/unstable/keys/signatures/upload'),
    auth: 'user',
    body: Type.Record(Type.String(), Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()))),
  },
  async (needs: { crossSigning: CrossSigning }, request) => {
    const uploads = request.body as Record<string, Record<string, JsonObject>>;
    for (const whose of Object.keys(uploads)) userId(whose);
    return { failures: await needs.crossSigning.addSignatures(request.session.userId, uploads) };
  },
);
