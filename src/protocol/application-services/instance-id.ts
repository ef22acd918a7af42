import { invalidParam } from '../matrix-error.ts';

/** A network of an application service, which has a directory of its own. */
export interface NetworkInstance {
  readonly appserviceId: string;
  readonly networkId: string;
}

/** The ID by which clients name a network (`instance_id` of `/thirdparty/protocols`), such as `irc|freenode`. */
export function instanceIdOf({ appserviceId, networkId }: NetworkInstance): string {
  // Either may have any character: a bar in the first would leave open where it ends.
  return `${appserviceId.replaceAll('%', '%25').replaceAll('|', '%7C')}|${networkId}`;
}

/**
 * The network that an ID of `instanceIdOf` names, whether there is one or not.
 *
 * @throws MatrixError 400 M_INVALID_PARAM for what is no such ID.
 */
export function parseInstanceId(id: string): NetworkInstance {
  const at = id.indexOf('|');
  if (at < 0)
    throw invalidParam('"third_party_instance_id" must be an "instance_id" of /thirdparty/protocols');
  const appserviceId = id.slice(0, at).replaceAll('%7C', '|').replaceAll('%25', '%');
  return { appserviceId, networkId: id.slice(at + 1) };
}
