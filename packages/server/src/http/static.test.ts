import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestApp, type TestApp } from '../test/test-app.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-web-'));
const webDist = join(folder, 'dist');
const SCRIPT = `console.log('parley');\n`.repeat(200);
const PAGES = { Accept: 'text/html,application/xhtml+xml' };

let server: TestApp;

beforeAll(async () => {
  mkdirSync(join(webDist, 'assets'), { recursive: true });
  writeFileSync(join(webDist, 'index.html'), '<!doctype html><title>Parley</title>');
  writeFileSync(join(webDist, 'icon.svg'), '<svg/>');
  writeFileSync(join(webDist, 'assets', 'app-3f9a.js'), SCRIPT);
  writeFileSync(join(webDist, 'assets', 'app-3f9a.js.map'), 'the sources');
  writeFileSync(join(folder, 'secret.txt'), 'the secret');
  symlinkSync(join(folder, 'secret.txt'), join(webDist, 'assets', 'link.txt'));
  server = await createTestApp({ webDist });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}) =>
  server.app.request(new Request(`http://localhost${path}`, { headers }));

test('the app is asked for again each time, its hashed files never', async () => {
  for (const path of ['/', '/index.html', '/channels/general', '/icon.svg']) {
    const response = await get(path, PAGES);
    expect(response.status, path).toBe(200);
    expect(response.headers.get('Cache-Control'), path).toBe('no-cache');
  }
  const script = await get('/assets/app-3f9a.js');
  expect(script.headers.get('Cache-Control')).toBe('public, max-age=31536000, immutable');
  expect(script.headers.get('Content-Type')).toBe('text/javascript; charset=utf-8');
  expect(await script.text()).toBe(SCRIPT);
});

test('an address that no file has is a page of the app for browsers, and nothing for others', async () => {
  const page = await get('/channels/general', PAGES);
  expect(page.headers.get('Content-Type')).toBe('text/html; charset=utf-8');
  expect(await page.text()).toContain('<title>Parley</title>');
  expect((await get('/channels/general')).status).toBe(404);
  expect((await get('/assets/gone-0000.js', { Accept: '*/*' })).status).toBe(404);
});

test('an address below /api is never a page', async () => {
  for (const path of ['/api', '/api/v1/nothing', '/api/index.html']) {
    const response = await get(path, PAGES);
    expect(response.status).toBe(404);
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  }
});

test.each([
  '/../secret.txt',
  '/assets/../../secret.txt',
  '/assets/..%2f..%2fsecret.txt',
  '/assets/%2e%2e/%2e%2e/secret.txt',
  '/..%5csecret.txt',
  '/assets/..;/..;/secret.txt',
  '/%252e%252e/secret.txt',
  '//secret.txt',
  `/${'/'.repeat(5)}etc/passwd`,
  '/assets/link.txt',
  '/assets/app-3f9a.js%00.txt',
  '/assets/',
  '/assets',
  '/assets/app-3f9a.js.map',
  '/constructor',
  '/__proto__',
])('%s leads to no file', async (path) => {
  const response = await get(path);
  expect(response.status).toBe(404);
  expect(await response.text()).not.toMatch(/secret"|root:|sources/);
});

test('a text is compressed for those who take it so', async () => {
  const compressed = await get('/assets/app-3f9a.js', { 'Accept-Encoding': 'gzip, deflate, br' });
  expect(compressed.headers.get('Content-Encoding')).toBe('br');
  expect(compressed.headers.get('Vary')).toBe('Accept-Encoding');
  expect(brotliDecompressSync(await compressed.arrayBuffer()).toString()).toBe(SCRIPT);

  const older = await get('/assets/app-3f9a.js', { 'Accept-Encoding': 'gzip;q=0.8, br;q=0' });
  expect(older.headers.get('Content-Encoding')).toBe('gzip');
  expect(gunzipSync(await older.arrayBuffer()).toString()).toBe(SCRIPT);
});

test('what a browser has already is not sent again', async () => {
  const headers = { 'Accept-Encoding': 'br' };
  const tag = (await get('/assets/app-3f9a.js', headers)).headers.get('ETag') as string;
  const response = await get('/assets/app-3f9a.js', { ...headers, 'If-None-Match': `"other", W/${tag}` });
  expect(response.status).toBe(304);
  expect(await response.text()).toBe('');
  expect((await get('/assets/app-3f9a.js', { 'If-None-Match': tag })).status).toBe(200);
});

test('where the web app has not been built, a sentence says so', async () => {
  const bare = await createTestApp();
  const response = await bare.app.request('/', { headers: PAGES });
  expect(response.status).toBe(404);
  expect(await response.text()).toContain('npm run build');
  expect((await bare.app.request('/assets/app-3f9a.js')).status).toBe(404);
  await bare.close();
});
