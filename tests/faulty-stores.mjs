/**
 * Bindings that are down: Durable Objects whose every answer is an exception, a database that takes no statement; and one
 * that is the real one but for the statements that a test names. In their place, a location of the tests gets these.
 */

const OBJECTS = `import { DurableObject } from 'cloudflare:workers';
export class Down extends DurableObject {
  async fetch() { throw new Error('Durable Object is overloaded'); }
}
export default { fetch: () => new Response(null, { status: 404 }) };`;

const DATABASE = `const down = async () => { throw new Error('D1_ERROR: Network connection lost.'); };
class D1Database {
  prepare() { return { bind() { return this; }, first: down, all: down, run: down, raw: down }; }
  batch = down;
  exec = down;
}
export default () => new D1Database();`;

/** A database that never answers, which is worse than one that says it is away. */
const HANGING = DATABASE.replace(/const down = .*/, 'const down = () => new Promise((done) => setTimeout(done, 600_000));');

/** The real database; a statement that holds the named part, and one of the named values where there are any, never ends, or is not even made. */
const STUBBORN = `let named = {};
const isHit = (part, sql) => Boolean(part) && sql.includes(part);
async function passed({ env, sql, values = [] }) {
  named = (await env.control.get('stubborn', 'json')) ?? {};
  if (!isHit(named.hold, sql) || (named.of && !values.some((value) => named.of.includes(value)))) return;
  console.log('held: ' + named.hold);
  await new Promise((done) => setTimeout(done, 600_000));
}
class Statement {
  constructor(env, sql, inner, values) { Object.assign(this, { env, sql, inner, values }); }
  bind(...values) { return new Statement(this.env, this.sql, this.inner.bind(...values), values); }
  async raw(options) { await passed(this); return this.inner.raw(options); }
  async run() { await passed(this); return this.inner.run(); }
}
class D1Database {
  constructor(env) { this.env = env; }
  prepare(sql) {
    if (isHit(named.breaks, sql)) throw new Error('no such statement');
    return new Statement(this.env, sql, this.env.inner.prepare(sql));
  }
  async batch(statements) {
    for (const statement of statements) await passed(statement);
    return this.env.inner.batch(statements.map(({ inner }) => inner));
  }
}
export default (env) => new D1Database(env);`;

/** The Worker that stands between a location and the database; beside the locations. */
export const STUBBORN_DATABASE = { name: 'database-stubborn', modules: true, script: STUBBORN, d1Databases: { inner: 'haggle' }, kvNamespaces: { control: 'haggle-faults' } };

/** Miniflare options of a location that has the database through it. */
export const behindStubbornDatabase = { d1Databases: {}, wrappedBindings: { DB: { scriptName: 'database-stubborn', bindings: {} } } };

/**
 * @param {{ edge: { mf: any } }} world
 * @param {{ hold?: string, of?: string[], breaks?: string }} parts of statements: one that holds `hold`, and is bound to one of `of` if that is given, never ends; making one that holds `breaks` is an exception, which is none that we know how to take
 */
export async function setStubborn({ edge }, parts) {
  await (await edge.mf.getKVNamespace('control', 'database-stubborn')).put('stubborn', JSON.stringify(parts));
}

/** The Workers that stand behind the bindings; beside the locations. */
export const DOWN = [
  { name: 'objects-down', modules: true, compatibilityDate: '2026-04-01', script: OBJECTS, durableObjects: { OWN: { className: 'Down', useSQLite: true } } },
  { name: 'database-down', modules: true, script: DATABASE },
  { name: 'database-hangs', modules: true, script: HANGING },
];

const down = { className: 'Down', scriptName: 'objects-down', useSQLite: true };

/** Miniflare options of a location without Durable Objects. */
export const withoutObjects = { durableObjects: { LEDGER: down, PUBLISHER: down } };

/** Miniflare options of a location without the database. */
export const withoutDatabase = { d1Databases: {}, wrappedBindings: { DB: { scriptName: 'database-down', bindings: {} } } };

/** Miniflare options of a location whose database never answers. */
export const withHangingDatabase = { d1Databases: {}, wrappedBindings: { DB: { scriptName: 'database-hangs', bindings: {} } } };
