import type { ServiceRecord } from '../../platform/dns.ts';

/**
 * SRV records in the order in which to try them (RFC 2782): by priority; within one, drawn by weight.
 *
 * @param draw a number from 0 (inclusive) to 1.
 */
export function orderServices(records: readonly ServiceRecord[], draw: () => number): ServiceRecord[] {
  const ordered: ServiceRecord[] = [];
  const left = [...records].sort((a, b) => a.priority - b.priority || a.weight - b.weight);
  while (left.length > 0) {
    const priority = left[0]?.priority;
    const size = left.findIndex((record) => record.priority !== priority);
    const group = size < 0 ? left.length : size;
    ordered.push(...left.splice(drawOne(left.slice(0, group), draw), 1));
  }
  return ordered;
}

function drawOne(group: readonly ServiceRecord[], draw: () => number): number {
  const total = group.reduce((sum, record) => sum + record.weight, 0);
  let at = draw() * total;
  const drawn = group.findIndex((record) => (at -= record.weight) < 0);
  return Math.max(drawn, 0);
}
