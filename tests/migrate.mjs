/**
 * Applies D1 migrations as `wrangler d1 migrations apply` does: each file once, in the order of their names, and
 * recorded in the same table, so that a persisted database can be opened by either.
 */
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Splits a script into statements: comments go, quotes and the body of a trigger stay whole.
 * @param {string} script
 * @returns {string[]}
 */
export function statements(script) {
  const found = [];
  let statement = '';
  for (const [token] of script.matchAll(/--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|[^;'"\-/]+|[-/]/g)) {
    if (/^(--|\/\*)/.test(token)) continue;
    if (token !== ';' || insideTrigger(statement)) {
      statement += token;
      continue;
    }
    if (statement.trim()) found.push(statement.trim());
    statement = '';
  }
  return statement.trim() ? [...found, statement.trim()] : found;
}

/** @param {string} statement what stands before a semicolon */
const insideTrigger = (statement) => /^\s*create\s+(temp\s+|temporary\s+)?trigger\b/i.test(statement) && !/\bend\s*$/i.test(statement);

/**
 * @param {any} db a D1 database
 * @param {string} directory of `*.sql`
 * @returns {Promise<string[]>} the names that were applied now
 */
export async function migrate(db, directory) {
  await db.prepare('CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, '
    + 'applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)').run();
  const done = new Set((await db.prepare('SELECT name FROM d1_migrations').all()).results.map((row) => row.name));
  const fresh = (await readdir(directory)).filter((name) => name.endsWith('.sql') && !done.has(name)).sort();
  for (const name of fresh) {
    const steps = statements(await readFile(join(directory, name), 'utf8'));
    // One batch is one transaction: a migration is there with its record, or not at all.
    await db.batch([...steps.map((step) => db.prepare(step)), db.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name)]);
  }
  return fresh;
}
