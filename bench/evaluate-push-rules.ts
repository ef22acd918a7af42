import type { UserId } from '../src/protocol/identifiers.ts';
import { defaultPushRules } from '../src/protocol/push/default-push-rules.ts';
import { compileRuleset, evaluatePushRules } from '../src/protocol/push/evaluate-push-rules.ts';
import { PushEvent } from '../src/protocol/push/push-event.ts';

const USERS = 1_000;
const EVENTS = 1_000;

const users = Array.from({ length: USERS }, (_, i) => `@user-${i}:a.example` as UserId);
const rulesets = users.map((userId) => compileRuleset(defaultPushRules(userId)));

function run(): number {
  let notified = 0;
  for (let i = 0; i < EVENTS; i++) {
    const json = {
      type: 'm.room.message',
      sender: '@sender:a.example',
      room_id: '!room:a.example',
      content: { msgtype: 'm.text', body: `message ${i}, as people write them`, 'm.mentions': {} },
    };
    const event = new PushEvent(json, { memberCount: USERS, senderMayNotify: () => false });
    for (const [n, userId] of users.entries()) {
      const ruleset = rulesets[n];
      if (ruleset && evaluatePushRules(ruleset, { event, userId }).notify) notified++;
    }
  }
  return notified;
}

run();
const started = performance.now();
const notified = run();
const each = ((performance.now() - started) * 1e6) / (USERS * EVENTS);
console.log(`${notified} notified, ${each.toFixed(0)} ns for one user and event`);
