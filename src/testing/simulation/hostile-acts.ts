import type { EventId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { finishPdu } from '../../protocol/signing.ts';
import type { Random } from '../fuzz/random.ts';
import type { RemoteEvent, RemoteRoom } from '../federation/remote-room.ts';
import type { HostileServer } from './hostile-server.ts';

/** What a hostile server does it with. */
export interface HostileMeans {
  readonly hostile: HostileServer;
  readonly room: RemoteRoom;
  /** Who made the room, and is above the hostile user. */
  readonly creator: string;
  /** Honest servers in the room. */
  readonly victims: readonly ServerName[];
  readonly random: Random;
}

type Act = (means: HostileMeans) => void;

const message = (body: string): { type: string; content: JsonObject } => ({
  type: 'm.room.message',
  content: { msgtype: 'm.text', body },
});

/** Everything that a hostile server does, by name. */
export const HOSTILE_ACTS: Readonly<Record<string, Act>> = {
  /** So that others have reason to go on from its events. */
  'says something': (means) => {
    const event = means.room.next(message(`hostile ${means.hostile.newId()}`));
    send(means, means.victims, [event.pdu]);
  },

  'forges the events of others': (means) => {
    const sender = means.creator;
    forbid(means, [
      means.room.make({ ...message('forged'), sender }),
      means.room.make({ type: 'm.room.topic', stateKey: '', content: { topic: 'forged' }, sender }),
    ]);
  },

  'does what it has no power to do': (means) => {
    const { room, hostile, creator } = means;
    const users = { [room.userId]: 100 };
    const ghost = `@ghost:${hostile.name}`;
    forbid(means, [
      room.make({ type: 'm.room.power_levels', stateKey: '', content: { users } }),
      room.make({ type: 'm.room.member', stateKey: creator, content: { membership: 'ban' } }),
      room.make({ type: 'm.room.server_acl', stateKey: '', content: { allow: [hostile.name] } }),
      room.make({ ...message('from nobody'), sender: ghost }),
      room.make({ type: 'm.room.create', stateKey: '', content: { room_version: room.version.id } }),
    ]);
  },

  'signs what is malformed': (means) => {
    const { pdu } = means.room.make(message('malformed'));
    const odd: JsonObject[] = [
      {},
      { ...pdu, depth: 'deep' },
      { ...pdu, depth: -1 },
      { ...pdu, prev_events: null },
      { ...pdu, auth_events: [[1], 'x'] },
      { ...pdu, content: 'x'.repeat(70_000) },
      { ...pdu, sender: 'nobody' },
      { ...pdu, signatures: { [means.hostile.name]: { 'ed25519:hostile': 'AAAA' } } },
      { ...pdu, origin_server_ts: 2 ** 60 },
      { room_id: pdu.room_id, type: 5 },
    ];
    send(means, means.victims, odd.slice(means.random.below(5)));
  },

  'changes what it has signed': (means) => {
    const { pdu } = means.room.make(message('harmless'));
    const text = `changed ${means.hostile.newId()}`;
    means.hostile.forbiddenTexts.add(text);
    send(means, means.victims, [{ ...pdu, content: { msgtype: 'm.text', body: text } }]);
  },

  'sends old events again': (means) => {
    const old = [...means.room.state.values()].map((event) => event.pdu);
    send(means, means.victims, [...old.reverse(), ...old].slice(0, 40));
  },

  'tells everybody something else': (means) => {
    const { room, victims, hostile } = means;
    const prev = room.latest;
    for (const victim of victims) {
      const said = room.make({ ...message(`to ${victim} ${hostile.newId()}`), prev });
      const set = room.make({
        type: 'm.room.topic',
        stateKey: '',
        content: { topic: `for ${victim} ${hostile.newId()}` },
        prev,
      });
      send(means, [victim], [said.pdu, set.pdu]);
    }
  },

  'hides what its events follow': (means) => {
    const { room } = means;
    const hidden = room.make(message('never sent'));
    const after = room.make({ ...message('after what was never sent'), prev: [hidden.eventId] });
    const byHidden = room.make({ ...message('allowed by what was never sent'), auth: [hidden.eventId] });
    means.hostile.forbidden.add(hidden.eventId).add(after.eventId).add(byHidden.eventId);
    send(means, means.victims, [after.pdu, byHidden.pdu]);
  },

  'answers with what was not asked for': (means) => {
    const { room, hostile, creator, random } = means;
    const hidden = room.make(message('asked for'));
    const after = room.make({ ...message('after what is asked for'), prev: [hidden.eventId] });
    const users = { [room.userId]: 100 };
    const power = { type: 'm.room.power_levels', stateKey: '', content: { users } };
    const unlawful = [room.make(power), room.make({ ...power, prev: [hidden.eventId] })];
    const forged = [
      room.make({ ...message('forged in an answer'), sender: creator }),
      room.make({ ...power, sender: creator, auth: [] }),
    ].map((event) => signedForAnother(means, event));
    for (const { eventId } of [hidden, after, ...unlawful, ...forged]) hostile.forbidden.add(eventId);
    const lies = random.pick<JsonObject[]>([
      [...unlawful, ...forged].map((event) => event.pdu),
      [{}, { ...hidden.pdu, prev_events: 5 }, { ...hidden.pdu, signatures: {} }, { room_id: [] }],
      Array.from({ length: 500 }, () => [...unlawful, ...forged]).flatMap((all) => all.map(({ pdu }) => pdu)),
      [],
    ]);
    for (const { eventId } of [hidden, after]) hostile.lies.set(eventId, lies);
    send(means, means.victims, [after.pdu]);
  },

  'changes what it is asked for': (means) => {
    const { room, hostile } = means;
    const hidden = room.make(message('as it was'));
    const after = room.make({ ...message('after what was changed'), prev: [hidden.eventId] });
    const text = `changed in an answer ${hostile.newId()}`;
    hostile.forbiddenTexts.add(text);
    const lies = [{ ...hidden.pdu, content: { msgtype: 'm.text', body: text } }];
    for (const { eventId } of [hidden, after]) hostile.lies.set(eventId, lies);
    send(means, means.victims, [after.pdu]);
  },

  'floods with forks': (means) => {
    const { room, random, victims } = means;
    const prev: EventId[] = room.latest;
    const victim = random.pick(victims);
    for (let i = 0; i < 3; i++) {
      const forks = Array.from({ length: 20 }, (_, n) => room.make({ ...message(`fork ${i}.${n}`), prev }));
      send(
        means,
        [victim],
        forks.map((fork) => fork.pdu),
      );
    }
  },

  'lies about depth and time': (means) => {
    const { room } = means;
    const odd = [
      room.make({ ...message('deep'), depth: Number.MAX_SAFE_INTEGER }),
      room.make({ ...message('old'), ts: 0 }),
      room.make({ ...message('of the future'), ts: 8_000_000_000_000 }),
    ];
    send(
      means,
      means.victims,
      odd.map((event) => event.pdu),
    );
  },
};

/** An event by a user of another server, with that server's name under a signature of one's own. */
function forbid(means: HostileMeans, events: readonly RemoteEvent[]): void {
  const { hostile } = means;
  const pdus = events.map((event) => {
    const finished = signedForAnother(means, event);
    hostile.forbidden.add(finished.eventId);
    return finished.pdu;
  });
  for (const { eventId } of events) hostile.forbidden.add(eventId);
  send(means, means.victims, [...pdus, ...events.map((event) => event.pdu)].slice(0, 50));
}

/** An event with the name of its sender's server under a signature of the hostile one. */
function signedForAnother({ room, hostile }: HostileMeans, { pdu }: RemoteEvent): RemoteEvent {
  const sender = pdu.sender.slice(pdu.sender.indexOf(':') + 1) as ServerName;
  return finishPdu(pdu, room.version, sender, hostile.key);
}

/** Sends, and does not care what becomes of it. */
function send(means: HostileMeans, to: readonly ServerName[], pdus: readonly JsonObject[]): void {
  const { hostile } = means;
  for (const victim of to) {
    const body = { origin: hostile.name, origin_server_ts: hostile.now(), pdus: [...pdus] };
    const uri = `/_matrix/federation/v1/send/${hostile.newId()}`;
    hostile.ask(victim, 'PUT', uri, body).catch(() => undefined);
  }
}
