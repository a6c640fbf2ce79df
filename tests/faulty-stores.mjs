/**
 * Bindings that are down for good: Durable Objects whose every answer is an exception, and a database that takes no
 * statement. In their place, a location of the tests gets these.
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
