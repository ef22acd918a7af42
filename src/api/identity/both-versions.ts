import type { TObject, TSchema } from 'typebox';
import {
  endpoint,
  type Answer,
  type BodyKind,
  type Declaration,
  type Endpoint,
  type EndpointRequest,
} from '../../wire/endpoint.ts';

type Versioned<
  Params extends TSchema,
  Query extends TSchema,
  Body extends BodyKind,
  Who extends 'none' | 'identity',
> = Omit<Declaration<Params, Query, Body, Who>, 'paths'> & {
  /** Below `/_matrix/identity/v2`. */
  readonly path: string;
};

/** An endpoint of today, and the same as it was before there were accounts: on `/_matrix/identity/api/v1`, for anybody. */
export interface BothVersions<Needs> {
  readonly v2: Endpoint<Needs>;
  readonly v1: Endpoint<Needs>;
}

/** What a missing key is called here (Identity Service API, "Standard error response"). */
export const IDENTITY_CODES = { M_MISSING_PARAM: 'M_MISSING_PARAMS' } as const;

const COMMON = { forms: 'allowed', codes: IDENTITY_CODES } as const;

/** Declares an endpoint for both versions. In a request of version 1 there is no account. */
export function bothVersions<
  Needs,
  Params extends TSchema = TObject,
  Query extends TSchema = TObject,
  const Body extends BodyKind = TObject,
  const Who extends 'none' | 'identity' = 'none' | 'identity',
>(
  { path, ...declaration }: Versioned<Params, Query, Body, Who>,
  handle: (
    needs: Needs,
    request: EndpointRequest<Params, Query, Body, 'none'> | EndpointRequest<Params, Query, Body, 'identity'>,
  ) => Promise<Answer> | Answer,
): BothVersions<Needs> {
  const { id } = declaration;
  return {
    v2: endpoint<Needs, Params, Query, Body, Who>(
      { ...declaration, ...COMMON, paths: [`/_matrix/identity/v2${path}`] },
      handle as never,
    ),
    v1: endpoint<Needs, Params, Query, Body, 'none'>(
      {
        ...declaration,
        id: `${id.replace(/V2$/, '')}V1`,
        auth: 'none',
        ...COMMON,
        paths: [`/_matrix/identity/api/v1${path}`],
      },
      handle as never,
    ),
  };
}
