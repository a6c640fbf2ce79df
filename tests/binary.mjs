/**
 * The built command line, run as a person runs it.
 *
 * ```js
 * const { code, out, err } = await haggle(['stop', '--all'], { env: credentials(world) });
 * ```
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const target = process.env.CARGO_TARGET_DIR || fileURLToPath(new URL('../target', import.meta.url));
const binary = join(target, 'debug', process.platform === 'win32' ? 'haggle.exe' : 'haggle');

/** What the command line needs to speak to a world's administration. @param {import('./kit.mjs').World} world */
export const credentials = (world) => ({ HAGGLE_URL: world.edge.adminUrl, HAGGLE_TOKEN: world.edge.secrets.ADMIN_TOKEN, USER: 'maria' });

/**
 * Runs the binary; its environment is what is given and nothing else of haggle.
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, input?: string }} [options]
 * @returns {Promise<{ code: number | null, out: string, err: string }>}
 */
export function haggle(args, { env = {}, input = '' } = {}) {
  if (!existsSync(binary)) throw new Error(`there is no ${binary}; build it with \`cargo build --features cli\``);
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^HAGGLE_|_proxy$/i.test(name)));
  const child = spawn(binary, args, { env: { ...clean, ...env } });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => { texts.out += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { texts.err += text; });
  // A run that refuses its arguments reads no input.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((done, failed) => child.on('error', failed).on('close', (code) => done({ code, ...texts })));
}

/** Where all of them are. */
let home = '';

/** A folder of this test alone, gone when its process ends. @returns {string} its path */
export function folder() {
  if (home === '') {
    home = mkdtempSync(join(tmpdir(), 'haggle-'));
    process.once('exit', () => rmSync(home, { recursive: true, force: true }));
  }
  return mkdtempSync(join(home, 'of-'));
}

/** A file of this test alone, gone when its process ends. @param {string} name @param {string} text @returns {string} its path */
export function file(name, text) {
  const path = join(folder(), name);
  writeFileSync(path, text);
  return path;
}
