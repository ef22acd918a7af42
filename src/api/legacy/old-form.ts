import { Type, type TSchema } from 'typebox';
import type { ClientTransactions } from '../../accounts/client-transactions.ts';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import {
  RawJson,
  type Answer,
  type BodyKind,
  type Endpoint,
  type EndpointRequest,
} from '../../wire/endpoint.ts';

/** Error codes of today by the names that the texts of 2015 have for them ("API Standards"). */
export const CODES_OF_2015: Readonly<Record<string, string>> = { M_MISSING_PARAM: 'M_BAD_JSON' };

/** The same where services judge values of the body: an impossible one was bad JSON, too. */
export const CODES_OF_BODIES: Readonly<Record<string, string>> = {
  ...CODES_OF_2015,
  M_INVALID_PARAM: 'M_BAD_JSON',
};

/** The same for what has pages. */
export const CODES_OF_PAGES: Readonly<Record<string, string>> = {
  ...CODES_OF_2015,
  M_INVALID_PARAM: 'M_BAD_PAGINATION',
};

/** How an operation of today was to be had in 2015. */
interface OldForm {
  /** Its name then. */
  readonly id: string;
  readonly paths: readonly string[];
  readonly codes?: Readonly<Record<string, string>>;
  /** Its answer as it was then, from that of today. */
  readonly shape?: (answer: JsonValue) => JsonValue;
}

/** Today's operation at paths of 2015, with its answer in the shape of then. */
export function oldForm<Needs>(today: Endpoint<Needs>, form: OldForm): Endpoint<Needs> {
  const { id, paths, codes = CODES_OF_2015, shape } = form;
  const { spec: _spec, ...declaration } = today.declaration;
  // Clients of then put null where there is nothing to say.
  const nullBody = declaration.method === 'POST' ? ({ nullBody: 'absent' } as const) : {};
  const old = { ...declaration, id, paths, codes, ...nullBody };
  if (!shape) return { declaration: old, handle: today.handle };
  return {
    declaration: old,
    handle: async (needs, request) => {
      const answer = await today.handle(needs, request);
      return answerOf(
        shape(answer instanceof RawJson ? (JSON.parse(answer.text) as JsonValue) : (answer as JsonObject)),
      );
    },
  };
}

function answerOf(value: JsonValue): Answer {
  return new RawJson(JSON.stringify(value));
}

/**
 * The twin of an operation that is asked for with POST: PUT with a transaction ID at the end of the path does it once
 * ("sect:txn_ids" of 2015).
 */
export function twin<Needs>(
  post: Endpoint<Needs>,
): Endpoint<Needs & { clientTransactions: ClientTransactions }> {
  const { declaration } = post;
  const { properties = {} } = (declaration.params ?? {}) as { properties?: Record<string, TSchema> };
  return {
    declaration: {
      ...declaration,
      id: `${declaration.id}_txn`,
      method: 'PUT',
      paths: declaration.paths.map((path) => `${path}/:txnId`),
      params: Type.Object({ ...properties, txnId: Type.String() }),
    },
    handle: (needs, request) => {
      const { session, params } = request as EndpointRequest<TSchema, TSchema, BodyKind, 'user'>;
      const scope = [declaration.id, ...Object.values(params as Record<string, string>)];
      return needs.clientTransactions.once(
        session,
        scope,
        async () => (await post.handle(needs, request)) as JsonObject,
      );
    },
  };
}
