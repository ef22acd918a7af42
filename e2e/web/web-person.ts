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
  // The client asks Synapse's own API whether the account is an administrator's, and for a profile's time zone.
  { status: 404, path: /^\/_synapse\/admin\/v1\/users\/[^/]+\/admin$/ },
  { status: 404, path: /\/profile\/[^/]+\/us\.cloke\.msc4175\.tz$/ },
  // It looks for a telephone behind who invites into a room for two.
  { status: 404, path: /\/thirdparty\/user\/im\.vector\.protocol\.sip_/ },
  // It asks for the members of a room to which it is only invited, and does without them.
  { status: 403, path: /\/rooms\/[^/]+\/members$/ },
];

/** What this client writes as an error where all is well; answers of the server are looked at by their status. */
const NOISE = [
  /^Failed to load resource/,
  /Got room state event for unknown room/,
  // No server answers for the server name over TLS in this test.
  /No response or error when parsing \.well-known|^Failed to fetch$/,
  // It stops looking into a room from outside once it is in.
  /Peek poll failed: .*AbortError/,
  /You are not in this room, and it may not be read from outside.*\/members/s,
];

const PASSWORD = 'violet kettle umbrella 97';
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
    const context = await browser.newContext({ viewport: { width: 1300, height: 1000 } });
    context.setDefaultTimeout(WAIT_MS);
    const person = new WebPerson(name, context, await context.newPage(), client);
    person.#listen();
    return person;
  }

  /** Makes an account by the client's own form, which sets up cross-signing, too. */
  async register(): Promise<void> {
    const { page, name } = this;
    await page.goto(`${this.#client}/#/register`);
    await page.getByLabel('Username').fill(name);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('Confirm password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Register' }).click();
    await page.getByRole('button', { name: 'Skip' }).click();
    await this.isIn();
  }

  /** Sets up secret storage and the backup of keys; gives the recovery key. */
  async setUpRecovery(): Promise<string> {
    const { page, dialog } = this;
    const toast = page.locator('.mx_Toast_toast', { hasText: 'Set up Secure Backup' });
    await toast.getByRole('button', { name: 'Continue' }).click();
    await dialog.getByRole('button', { name: 'Continue' }).click();
    const key = await dialog.locator('code').innerText();
    await dialog.getByRole('button', { name: 'Copy' }).click();
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await dialog.getByText('Secure Backup successful').waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await dialog.waitFor({ state: 'detached' });
    return key;
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.isIn();
  }

  async logOut(): Promise<void> {
    const { page } = this;
    await page.getByRole('button', { name: 'User menu' }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await this.dialog.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Username').waitFor();
  }

  /** Logs in as a new device, and stops where the client wants it to be verified. */
  async logIn(): Promise<void> {
    const { page } = this;
    await page.goto(`${this.#client}/#/login`);
    await page.getByLabel('Username').fill(this.name);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('button', { name: 'Verify with Security Key' }).waitFor();
  }

  /** Has the new device trusted by the recovery key, which brings the keys of the history. */
  async recover(key: string): Promise<void> {
    const { page, dialog } = this;
    await page.getByRole('button', { name: 'Verify with Security Key' }).click();
    await dialog.getByRole('textbox', { name: 'Security Key' }).fill(key);
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await this.isIn();
  }

  /** Waits until the client shows its rooms. */
  async isIn(): Promise<void> {
    const done = this.page.getByRole('button', { name: 'Done' });
    const menu = this.page.getByRole('button', { name: 'User menu' });
    await done.or(menu).first().waitFor();
    if (await done.isVisible()) await done.click();
    await menu.waitFor();
  }

  screenshot(path: string): Promise<unknown> {
    return this.page.screenshot({ path });
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  /** What asks for something above the page. */
  get dialog(): Locator {
    return this.page.locator('.mx_Dialog');
  }

  #listen(): void {
    const isNoise = (text: string) => NOISE.some((noise) => noise.test(text));
    this.page.on('pageerror', (error) => {
      if (!isNoise(error.message)) this.problems.push(`an error in the page: ${error.message}`);
    });
    this.page.on('console', (message) => {
      if (message.type() !== 'error' || isNoise(message.text())) return;
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
      if (reason === 'net::ERR_ABORTED' || request.url().includes('/.well-known/')) return;
      this.problems.push(`${reason} ${request.method()} ${request.url()}`);
    });
  }
}
