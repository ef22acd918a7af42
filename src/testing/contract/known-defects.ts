/** A fault that a schema finds and that is none. */
export interface Finding {
  readonly operation: string;
  readonly status: number;
  readonly part: 'request' | 'answer';
  /** The request's query string. */
  readonly query: string;
  /** A JSON pointer, or `?name`. */
  readonly at: string;
  readonly what: string;
}

/** Where a schema of the specification says what its prose does not, or leaves out what its prose says. */
interface Defect {
  readonly operations: readonly string[];
  readonly status: number;
  /** Both, where it is left out. */
  readonly part?: 'request' | 'answer';
  readonly query?: RegExp;
  readonly at: RegExp;
  readonly what?: RegExp;
  readonly reason: string;
}

const DEFECTS: readonly Defect[] = [
  {
    operations: ['uploadCrossSigningKeys'],
    status: 401,
    part: 'answer',
    at: /^$/,
    reason: 'the operation uses interactive authentication, whose 401 its document leaves out',
  },
  {
    operations: ['getRoomStateWithKey'],
    status: 200,
    part: 'answer',
    at: /^$/,
    reason: 'a whole event is an object, too, so that both sides of the oneOf fit: it should be anyOf',
  },
  {
    operations: ['getRoomKeysVersion', 'getRoomKeysVersionCurrent'],
    status: 200,
    part: 'answer',
    at: /^\/algorithm$/,
    reason: 'the one algorithm of today is listed, and clients may have others',
  },
  {
    operations: ['getJoinedMembersByRoom'],
    status: 200,
    part: 'answer',
    at: /\/(?:display_name|avatar_url)$/,
    reason: 'null for who has none: clients and the conformance suite Complement look for both keys',
  },
  {
    operations: ['getTurnServer'],
    status: 200,
    part: 'answer',
    at: /^$/,
    reason: 'there is no answer for servers without TURN; clients know the empty object',
  },
  {
    operations: ['sync'],
    status: 200,
    part: 'answer',
    query: /(?:^|&)filter=/,
    at: /\/(?:timeline|state|state_after)\/events\/\d+$/,
    reason: 'a filter with event_fields leaves out what the schema requires',
  },
  {
    operations: ['getEvents', 'peekEvents'],
    status: 200,
    part: 'answer',
    at: /^\/chunk\/\d+$/,
    reason: 'the stream has what passes by in rooms, too, which is no ClientEvent',
  },
  {
    operations: [
      'makeJoin',
      'makeKnock',
      'makeLeave',
      'sendJoinV1',
      'sendJoinV2',
      'sendKnock',
      'sendInviteV1',
    ].concat(['sendInviteV2', 'sendLeaveV1', 'sendLeaveV2']),
    status: 200,
    at: /^(?:\/event)?$/,
    what: /'origin'$/,
    reason: '`origin` was taken out of the format of events; servers do without it in all room versions',
  },
  {
    operations: ['sendMessage', 'setRoomStateWithKey'],
    status: 200,
    part: 'answer',
    query: /(?:^|&)org\.matrix\.msc4140\.delay=/,
    at: /^$/,
    reason: 'events that are sent later (MSC4140) are answered with a delay_id',
  },
];

/** Whether a fault is the schema's own. */
export function isKnownDefect(finding: Finding): boolean {
  return DEFECTS.some(
    ({ operations, status, part, query, at, what }) =>
      operations.includes(finding.operation) &&
      status === finding.status &&
      (part ?? finding.part) === finding.part &&
      (query === undefined || query.test(finding.query)) &&
      at.test(finding.at) &&
      (what === undefined || what.test(finding.what)),
  );
}
