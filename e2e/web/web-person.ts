import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';

/** What a client may be told by a server that does all right: what it asks for is not there yet, or asks for more. */
const EXPECTED: readonly { readonly status: number; readonly path: RegExp }[] = [
  { status: 401, path: /\/register$/ },
  { status: 401, path: /\/keys\/device_signing\/upload$/ },
  { status: 404, path: /\/account_data\// },
  { status: 404, path: /\/room_keys\/version$/ },
  { status: 404, path: /\/dehydrated_device$/ },
  { status: 404, path: /\/state\/(?:m\.room\.|im\.ponies\.|m\.space\.)/ },
  { status: 404, path: /\/\.well-known\// },
];

/** What this client writes as an error of every room that it makes or joins, before it knows the room. */
const NOISE = /Got room state event for unknown room|^Failed to load resource/;

const PASSWORD = 'a long password 1';
const WAIT_MS = 30_000;

/** Somebody at the web client, in a browser profile of their own. What goes wrong there is kept. */
export class WebPerson {
  readonly name: string;
  readonly password = PASSWORD;
  readonly page: Page;
  readonly problems: string[] = [];
  readonly #context: BrowserContext;
  readonly #client: string;

  private constructor(name: string, context: BrowserContext, page: Page, client: string) {
    this.name = name;
    this.page = page;
    this.#context = context;
    this.#client = client;
  }

  /** Opens a new profile at the client's address. */
  static async open(browser: Browser, name: string, client: string): Promise<WebPerson> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 1800 } });
    context.setDefaultTimeout(WAIT_MS);
    const person = new WebPerson(name, context, await context.newPage(), client);
    person.#listen();
    return person;
  }

  /** Makes an account by the client's own form. */
  async register(): Promise<void> {
    const { page, name } = this;
    await page.goto(`${this.#client}/register/`);
    await page.fill('input[name=usernameInput]', name);
    await page.fill('input[name=passwordInput]', PASSWORD);
    await page.fill('input[name=confirmPasswordInput]', PASSWORD);
    await page.click('button[type=submit]');
    await page.getByText('Create Room', { exact: true }).first().waitFor();
  }

  /** Makes an encrypted room and opens it. */
  async createEncryptedRoom(name: string): Promise<void> {
    const { page } = this;
    await page.getByText('Create Room', { exact: true }).first().click();
    await page.fill('input[name=name]', name);
    await page.click('button[type=submit]');
    await this.editor().waitFor();
  }

  /** Invites somebody into the room that is open. */
  async invite(userId: string): Promise<void> {
    const { page } = this;
    await page.getByText('Invite Member').click();
    const dialog = page.locator('.ReactModal__Content');
    await dialog.locator('input').first().fill(userId);
    await dialog.locator('input').first().press('Enter');
    await dialog.getByText('Invite', { exact: true }).first().click();
    await page.keyboard.press('Escape');
    await dialog.locator('button').first().click();
    await dialog.waitFor({ state: 'detached' });
  }

  /** Takes the invitation that waits. */
  async acceptInvite(): Promise<void> {
    const { page } = this;
    await page.goto(`${this.#client}/inbox/invites/`);
    await page.getByText('Accept', { exact: true }).first().click();
    await this.editor().waitFor();
  }

  async say(text: string): Promise<void> {
    await this.editor().click();
    await this.page.keyboard.type(text);
    await this.page.keyboard.press('Enter');
    await this.sees(text);
  }

  /** Waits until a text is in the timeline, decrypted. */
  async sees(text: string): Promise<void> {
    await this.message(text).waitFor();
  }

  async sendPicture(path: string): Promise<void> {
    const { page } = this;
    const chooser = page.waitForEvent('filechooser');
    await this.#editorBox().locator('button').first().click();
    await (await chooser).setFiles(path);
    await page.getByText('Send', { exact: true }).first().click();
    await this.seesPicture();
  }

  /** Waits until a picture is shown: fetched, and decrypted by the client. */
  async seesPicture(): Promise<void> {
    const picture = this.page.locator('[data-message-id] img[src^="blob:"]').last();
    const view = this.page.locator('[data-message-id] button', { hasText: 'View' }).last();
    await picture.or(view).first().waitFor();
    if (await view.isVisible()) await view.click();
    await picture.waitFor();
    const width = await picture.evaluate(async (image: { decode(): Promise<void>; naturalWidth: number }) => {
      await image.decode();
      return image.naturalWidth;
    });
    if (width === 0) throw new Error('The picture has no pixels');
  }

  async reply(to: string, text: string): Promise<void> {
    await this.#original(to).click({ button: 'right' });
    await this.page.getByText('Reply', { exact: true }).first().click();
    await this.say(text);
  }

  /** Reacts with the first of the emojis that the client offers. */
  async react(to: string): Promise<void> {
    const { page } = this;
    await this.#original(to).click({ button: 'right' });
    await page.getByText('Add Reaction', { exact: true }).first().click();
    await page.locator('button[data-emoji-data]').first().click();
  }

  /** Waits until a reaction is shown. */
  async seesReaction(): Promise<void> {
    await this.page.locator('[data-reaction-key]').first().waitFor();
  }

  screenshot(path: string): Promise<unknown> {
    return this.page.screenshot({ path });
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  editor(): Locator {
    return this.page.locator('[data-editable-name="RoomInput"]');
  }

  message(text: string): Locator {
    return this.page.locator('[data-message-id]').getByText(text, { exact: true }).last();
  }

  /** The message itself, not where others answer to it. */
  #original(text: string): Locator {
    return this.page.locator('[data-message-id]').getByText(text, { exact: true }).first();
  }

  #editorBox(): Locator {
    return this.page.locator('xpath=//*[@data-editable-name="RoomInput"]/ancestor::*[.//button][1]');
  }

  #listen(): void {
    this.page.on('pageerror', (error) => this.problems.push(`an error in the page: ${error.message}`));
    this.page.on('console', (message) => {
      if (message.type() !== 'error' || NOISE.test(message.text())) return;
      this.problems.push(`the console: ${message.text().slice(0, 300)}`);
    });
    this.page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      const status = response.status();
      if (status < 400 || EXPECTED.some((one) => one.status === status && one.path.test(pathname))) return;
      this.problems.push(`${status} ${response.request().method()} ${pathname}`);
    });
    this.page.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText ?? '';
      // Who goes to another page ends what waits for an answer.
      if (reason !== 'net::ERR_ABORTED') this.problems.push(`${reason} ${request.method()} ${request.url()}`);
    });
  }
}
