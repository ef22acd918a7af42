import type { Scene } from './scene.ts';

/**
 * Something that a peer does not do, or does otherwise than the specification says. It is not played, and the table
 * says why.
 */
interface Gap {
  readonly peer: string;
  readonly feature: string;
  /** Only in rooms that this software made. */
  readonly home?: string;
  /** Only in these room versions. */
  readonly versions?: readonly string[];
  /** What was seen in the peer's code, its log or what it sent. */
  readonly reason: string;
}

const GAPS: readonly Gap[] = [
  {
    peer: 'Dendrite',
    feature: 'knock: let in, turned away, withdrawn',
    reason: 'Dendrite has no knocking: its clients get M_UNRECOGNIZED',
  },
  {
    peer: 'Dendrite',
    feature: 'invite withdrawn',
    home: 'Myelin',
    reason:
      'Dendrite asks for the auth chain of the withdrawal, which servers outside the room are not given (nor by Synapse)',
  },
  {
    peer: 'Dendrite',
    feature: 'invite withdrawn',
    home: 'Dendrite',
    reason: 'Dendrite does not tell the server of the user who was invited',
  },
  {
    peer: 'Dendrite',
    feature: 'redactions',
    versions: ['11', '12'],
    reason: 'Dendrite looks for "redacts" outside of the content, where it is no more since room version 11',
  },
  {
    peer: 'Dendrite',
    feature: 'media: file name',
    reason:
      'Dendrite writes and reads it in the head of the whole answer, not in that of the part with the file',
  },
  {
    peer: 'Dendrite',
    feature: 'history from before the join',
    home: 'Dendrite',
    versions: ['12'],
    reason: 'Dendrite answers /backfill with 400 for room IDs without a server name',
  },
  {
    peer: 'Dendrite',
    feature: 'event at a time, context',
    reason: 'Dendrite has no /timestamp_to_event, neither for clients nor for servers',
  },
];

/** Why a feature cannot work with a peer, if that is known. */
export function knownGap(peer: string, feature: string, { home, version }: Scene): string | undefined {
  const gap = GAPS.find(
    (one) =>
      one.peer === peer &&
      one.feature === feature &&
      (one.home ?? home.software) === home.software &&
      (one.versions ?? [version]).includes(version),
  );
  return gap?.reason;
}
