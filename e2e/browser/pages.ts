import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { pino } from 'pino';
import { loadConfig } from '../../src/platform/config/load-config.ts';
import { startServer } from '../../src/server.ts';
import { makePlace } from '../../src/testing/server/engines.ts';
import { TestClient } from '../../src/testing/client/test-client.ts';
import { reasonToSkip, startChromium } from './chromium.ts';

/** Milliseconds to wait for anything on a page. */
const PATIENCE_MS = 60_000;

const skip = reasonToSkip();

/** A server, and a browser in front of it. */
export interface BrowserTest {
  /** The server's address. */
  readonly url: string;
  person(name: string): Promise<TestClient>;
  anonymous(): TestClient;
  /** A browser of somebody else: with no cookies. */
  visitor(): Promise<{ context: BrowserContext; page: Page }>;
}

/**
 * Declares a test of pages in Chromium. It fails for whatever a page complains about: errors of scripts, what its content
 * security policy blocks, and requests to anywhere but this machine.
 */
export function inBrowser(
  title: string,
  run: (test: BrowserTest) => Promise<void>,
  env: Record<string, string> = {},
): void {
  void test(title, { skip: skip ?? false }, async () => {
    const place = await makePlace('sqlite');
    const config = loadConfig({
      env: {
        MYELIN_LISTEN_PORT: '0',
        MYELIN_LIMITS_ENABLED: 'false',
        MYELIN_PASSWORDS_MEMORY_KIB: '8',
        MYELIN_PASSWORDS_ITERATIONS: '1',
        ...place.env,
        ...env,
      },
    });
    const server = await startServer(config, { log: pino({ level: 'error' }, pino.destination(2)) });
    const browser = await startChromium();
    const complaints: string[] = [];
    try {
      await run({
        url: server.url,
        person: (name) => new TestClient(server.url).register(name),
        anonymous: () => new TestClient(server.url),
        visitor: () => visitor(browser, server.url, complaints),
      });
    } finally {
      await browser.close();
      await server.close();
      await place.remove();
    }
    assert.deepEqual(complaints, []);
  });
}

async function visitor(
  browser: Browser,
  url: string,
  complaints: string[],
): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE_MS);
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    // A page with an error status is an answer, too.
    const isOurs = message.page()?.url().startsWith(url) === true;
    if (isOurs && message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      complaints.push(`${message.page()?.url() ?? ''}: ${message.text()}`);
    }
  });
  context.on('request', (request) => {
    if (request.isNavigationRequest() || !request.frame().url().startsWith(url)) return;
    if (new URL(request.url()).hostname !== '127.0.0.1') {
      complaints.push(`It asked ${request.url()}`);
    }
  });
  return { context, page: await context.newPage() };
}

/** Fills in fields by their labels, and presses a button. */
export async function fillIn(page: Page, fields: Record<string, string>, button: string): Promise<void> {
  for (const [label, value] of Object.entries(fields)) {
    await page.getByLabel(label, { exact: true }).fill(value);
  }
  await page.getByRole('button', { name: button, exact: true }).click();
}

/** What the page says is done. */
export async function status(page: Page): Promise<string> {
  return page.getByRole('status').innerText();
}

/** A page of a client, on a port of its own, to which browsers are sent back. */
export async function clientPage(): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const isPage = request.url?.startsWith('/callback') === true;
    response.writeHead(isPage ? 200 : 404, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>The client</title>');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/callback`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
