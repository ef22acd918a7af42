import type { Locator, Page } from 'playwright-core';
import type { WebPerson } from './web-person.ts';

/** The room that somebody has open in the web client. */
export class WebRoom {
  readonly #person: WebPerson;

  private constructor(person: WebPerson) {
    this.#person = person;
  }

  /** Makes a private room, which this client encrypts. */
  static async create(person: WebPerson, name: string): Promise<WebRoom> {
    const { page, dialog } = person;
    await page.getByRole('button', { name: 'Add', exact: true }).first().click();
    await page.getByRole('menuitem', { name: 'New room' }).click();
    await dialog.getByLabel('Name').fill(name);
    await dialog.getByRole('button', { name: 'Create room' }).click();
    await page.getByText('Encryption enabled').waitFor();
    return new WebRoom(person);
  }

  /** Opens a room of the list. */
  static async open(person: WebPerson, name: string): Promise<WebRoom> {
    await person.page.getByRole('treeitem', { name }).click();
    const room = new WebRoom(person);
    await room.#editor().waitFor();
    return room;
  }

  /** Takes the invitation to a room. */
  static async accept(person: WebPerson, name: string): Promise<WebRoom> {
    const { page } = person;
    await page.getByRole('treeitem', { name }).click();
    await page.getByRole('button', { name: /^(?:Accept|Start chatting)$/ }).click();
    const room = new WebRoom(person);
    await room.#editor().waitFor();
    return room;
  }

  async invite(userId: string): Promise<void> {
    const { page, dialog } = this.#person;
    await page.getByRole('button', { name: 'Invite to this room' }).click();
    await dialog.getByRole('textbox').fill(userId);
    await dialog.locator('.mx_InviteDialog_tile', { hasText: userId }).first().click();
    await dialog.getByRole('button', { name: 'Invite', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  async say(text: string): Promise<void> {
    await this.#write(this.#editor(), text);
    await this.sees(text);
  }

  /** Waits until a text is in the timeline, decrypted. */
  async sees(text: string): Promise<void> {
    await this.#message(text).first().waitFor();
  }

  async sendPicture(path: string): Promise<void> {
    const { dialog } = this.#person;
    await this.#page.locator('.mx_MessageComposer input[type=file]').first().setInputFiles(path);
    await dialog.getByRole('button', { name: 'Upload' }).click();
    await this.seesPicture();
  }

  /** Waits until a picture is shown: fetched, and decrypted by the client. */
  async seesPicture(): Promise<void> {
    const picture = this.#page.locator('.mx_EventTile img.mx_MImageBody_thumbnail').last();
    await picture.waitFor();
    const width = await picture.evaluate(async (image: { decode(): Promise<void>; naturalWidth: number }) => {
      await image.decode();
      return image.naturalWidth;
    });
    if (width === 0) throw new Error('The picture has no pixels');
  }

  async reply(to: string, text: string): Promise<void> {
    await this.#act(to, 'Reply');
    await this.say(text);
  }

  /** Waits until an answer is shown with what it answers. */
  async seesReply(to: string, text: string): Promise<void> {
    await this.#message(text)
      .filter({ has: this.#page.locator('.mx_ReplyChain', { hasText: to }) })
      .waitFor();
  }

  async react(to: string, emoji: string): Promise<void> {
    await this.#act(to, 'React');
    await this.#page.locator('.mx_EmojiPicker_quick').getByText(emoji).click();
  }

  async seesReaction(to: string, emoji: string): Promise<void> {
    await this.#message(to).locator('.mx_ReactionsRowButton', { hasText: emoji }).first().waitFor();
  }

  /** Takes back what one has said. */
  async remove(text: string): Promise<void> {
    const { page, dialog } = this.#person;
    await this.#act(text, 'Options');
    await page.getByRole('menuitem', { name: 'Remove' }).click();
    await dialog.getByRole('button', { name: 'Remove' }).click();
  }

  /** Waits until something is shown as taken back, and its text is gone. */
  async seesRemoved(text: string): Promise<void> {
    await this.#message('Message deleted').first().waitFor();
    await this.#message(text).first().waitFor({ state: 'detached' });
  }

  async replyInThread(to: string, text: string): Promise<void> {
    await this.#act(to, 'Reply in thread');
    await this.answerInThread(text);
  }

  /** Waits until a message shows its thread: how many answers, and the last of them. Opens it. */
  async openThread(of: string, answers: string, last: string): Promise<void> {
    const summary = this.#message(of).locator('.mx_ThreadSummary', { hasText: answers }).first();
    await summary.filter({ hasText: last }).click();
    await this.seesInThread(last);
  }

  async answerInThread(text: string): Promise<void> {
    await this.#write(this.#thread.locator('.mx_BasicMessageComposer_input'), text);
    await this.seesInThread(text);
  }

  /** Waits until a text is in the thread that is open. */
  async seesInThread(text: string): Promise<void> {
    await this.#thread.locator('.mx_EventTile', { hasText: text }).waitFor();
  }

  /** How many texts of the timeline the client could not decrypt. */
  undecrypted(): Promise<number> {
    return this.#page.locator('.mx_DecryptionFailureBody').count();
  }

  get #page(): Page {
    return this.#person.page;
  }

  get #thread(): Locator {
    return this.#page.locator('.mx_ThreadView');
  }

  #editor(): Locator {
    return this.#page.locator('.mx_RoomView_body .mx_BasicMessageComposer_input');
  }

  #message(text: string): Locator {
    return this.#page.locator('.mx_RoomView_timeline .mx_EventTile', { hasText: text });
  }

  async #write(editor: Locator, text: string): Promise<void> {
    await editor.click();
    await this.#page.keyboard.type(text);
    await this.#page.keyboard.press('Enter');
  }

  /** Chooses from what the client offers for a message. */
  async #act(on: string, label: string): Promise<void> {
    const message = this.#message(on).first();
    await message.hover();
    await message.getByLabel(label, { exact: true }).click();
  }
}
