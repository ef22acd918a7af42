import type { EventId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { finishPdu } from '../../protocol/signing.ts';
import type { Random } from '../fuzz/random.ts';
import type { RemoteEvent, RemoteRoom } from '../remote-room.ts';
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
  const { room, hostile } = means;
  const pdus = events.map(({ pdu }) => {
    const sender = pdu.sender.slice(pdu.sender.indexOf(':') + 1) as ServerName;
    const finished = finishPdu(pdu, room.version, sender, hostile.key);
    hostile.forbidden.add(finished.eventId);
    return finished.pdu;
  });
  for (const { eventId } of events) hostile.forbidden.add(eventId);
  send(means, means.victims, [...pdus, ...events.map((event) => event.pdu)].slice(0, 50));
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
