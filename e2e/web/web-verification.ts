import assert from 'node:assert/strict';
import type { Locator } from 'playwright-core';
import type { WebPerson } from './web-person.ts';
import { WebRoom } from './web-room.ts';

/** Has two people who are in an open room verify each other by emoji (SAS); each of them compares. */
export async function verifyEachOther(asker: WebPerson, asked: WebPerson): Promise<readonly string[]> {
  const panels = [asker, asked].map(({ page }) => page.locator('.mx_RightPanel')) as [Locator, Locator];
  await openProfile(asker, asked.name);
  await panels[0].getByRole('button', { name: 'Verify', exact: true }).click();
  await panels[0].getByRole('button', { name: 'Start Verification' }).click();
  // The request comes in a room for the two.
  await WebRoom.accept(asked, asker.name);
  await asked.page.getByRole('button', { name: 'Verify User' }).click();
  return compareEmoji(panels);
}

/** Has a new device verified by another of the same account, by emoji. */
export async function verifyOwnDevice(fresh: WebPerson, old: WebPerson): Promise<readonly string[]> {
  await fresh.page.getByRole('button', { name: 'Verify with another device' }).click();
  await old.page.getByRole('button', { name: 'Verify Session' }).click();
  const emoji = await compareEmoji([fresh.dialog, old.dialog]);
  await fresh.isIn();
  return emoji;
}

/** Waits until the profile of the other, to which the client goes back, says that they are verified. */
export async function seesVerified({ page }: WebPerson): Promise<void> {
  await page.locator('.mx_RightPanel .mx_UserInfo_profile .mx_E2EIcon_verified').waitFor();
}

async function openProfile({ page }: WebPerson, name: string): Promise<void> {
  const panel = page.locator('.mx_RightPanel');
  await page.locator('.mx_RoomHeader .mx_FacePile').click();
  await panel.locator('.mx_EntityTile', { hasText: name }).click();
}

/** Starts the comparison on the first of two screens, and confirms on both that they show the same. */
async function compareEmoji([first, second]: readonly [Locator, Locator]): Promise<readonly string[]> {
  await first.getByRole('button', { name: /^(?:Verify by emoji|Start)$/ }).click();
  const shown: string[][] = [];
  for (const screen of [first, second]) {
    await screen.getByRole('button', { name: 'They match' }).waitFor();
    shown.push(await screen.locator('.mx_VerificationShowSas_emojiSas_label').allInnerTexts());
  }
  assert.equal(shown[0]?.length, 7);
  assert.deepEqual(shown[0], shown[1], 'Both screens show the same emoji');
  for (const screen of [first, second]) await screen.getByRole('button', { name: 'They match' }).click();
  for (const screen of [first, second]) {
    await screen.getByText(/You've successfully verified/).waitFor();
    await screen.getByRole('button', { name: 'Got it' }).click();
  }
  return shown[0] ?? [];
}
