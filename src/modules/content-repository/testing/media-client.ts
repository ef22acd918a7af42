import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';

/** Where the content repository is, for those who say who they are, and for everybody. */
export const V1 = '/_matrix/client/v1/media';
export const OLD = '/_matrix/media/v3';

/** Uploads bytes; gives the content URI without its scheme. */
export async function upload(client: TestClient, bytes: Buffer, type: string, query = ''): Promise<string> {
  const answer = await send(client, 'POST', `/_matrix/media/v3/upload${query}`, bytes, type);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return String(answer.body.content_uri).replace('mxc://', '');
}

/** Sends bytes; gives the JSON that comes back. */
export async function send(client: TestClient, method: string, path: string, bytes: Buffer, type?: string) {
  const headers: Record<string, string> = { authorization: `Bearer ${client.token ?? ''}` };
  if (type !== undefined) headers['content-type'] = type;
  const response = await fetch(client.base + path, { method, headers, body: new Uint8Array(bytes) });
  return { status: response.status, body: (await response.json()) as Json };
}

/** Asks for something; gives its bytes. */
export async function get(
  client: TestClient,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
) {
  const authorization = client.token === undefined ? {} : { authorization: `Bearer ${client.token}` };
  const response = await fetch(client.base + path, { method, headers: { ...authorization, ...headers } });
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

/** Files below a folder. */
export function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Waits until something holds that no event tells of. */
export async function eventually(holds: () => boolean): Promise<void> {
  const begun = performance.now();
  while (!holds()) {
    assert.ok(performance.now() - begun < 60_000, 'it did not come about');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
