import { roomVersion } from '../src/protocol/room-versions.ts';
import { resolveConflicts, resolveState } from '../src/protocol/state-resolution/resolve-state.ts';
import { findConflicts } from '../src/protocol/state-resolution/conflicts.ts';
import { Scenario, type Branch } from '../src/protocol/state-resolution/scenario.ts';

const MEMBERS = 50_000;
const CHAIN = 10_000;
const FORK = 1_000;
const RUNS = 5;

/** A room of many members with a long chain of power levels, forked once; half of each fork sets power levels. */
function bigRoom(
  version: string,
  sendersJoinLate: boolean,
): { scenario: Scenario; left: Branch; right: Branch } {
  const scenario = new Scenario(roomVersion(version));
  const left = scenario.room({ bob: 50, carol: 0 });
  for (let i = 0; i < MEMBERS; i++) left.join(`member-${i}`, `join-${i}`);
  for (let i = 0; i < CHAIN; i++) left.powerLevels(`PL-${i}`, 'alice', { bob: 50, carol: i % 50 });
  if (sendersJoinLate) left.join('bob', 'rejoin-bob').powerLevels('PL-late', 'bob', { bob: 50, carol: 1 });
  const right = left.fork();
  for (let i = 0; i < FORK; i++) {
    if (i % 2) left.topic(`topic-left-${i}`, 'alice');
    else left.powerLevels(`PL-left-${i}`, 'alice', { bob: 50, carol: i % 50 });
    if (i % 2) right.topic(`topic-right-${i}`, 'bob');
    else right.powerLevels(`PL-right-${i}`, 'bob', { bob: 50, carol: i % 50 });
  }
  return { scenario, left, right };
}

function time(act: () => void): string {
  const taken = Array.from({ length: RUNS }, () => {
    const started = performance.now();
    act();
    return performance.now() - started;
  });
  return `${Math.min(...taken).toFixed(1)} to ${Math.max(...taken).toFixed(1)} ms`;
}

for (const version of ['10', '12']) {
  for (const late of [true, false]) {
    const { scenario, left, right } = bigRoom(version, late);
    for (const told of [true, false]) {
      scenario.tellsDepths = told;
      const sets = [left.state, right.state];
      const whole = time(() => resolveState(scenario.version, sets, scenario));
      const conflicts = findConflicts(sets, true);
      scenario.lookups = 0;
      resolveConflicts(scenario.version, conflicts, scenario);
      const { lookups } = scenario;
      const part = time(() => resolveConflicts(scenario.version, conflicts, scenario));
      const joined = late ? 'recent join' : 'first join';
      const depths = told ? 'stored depths' : 'no depths';
      console.log(
        `version ${version}, ${joined}, ${depths}: all ${whole}; conflict only ${part}, ${lookups} lookups`,
      );
    }
  }
}
