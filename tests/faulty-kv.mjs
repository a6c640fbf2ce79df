/**
 * A KV namespace that fails or hangs when it is told to: the `faulty-kv` Worker, and the binding that puts it between
 * a location and the real namespace.
 */

const SCRIPT = `let isHeld = false, isRefused = false;
export default function (env) {
  const fault = () => env.control.get('fault');
  const passed = async () => {
    if ((await fault()) === 'fail') throw new Error('KV GET failed: 503 Service Unavailable');
    while ((await fault()) === 'hang') await new Promise((again) => setTimeout(again, 20));
  };
  // The first put after another fault; those after it pass it by.
  const held = async () => {
    const isFirst = !isHeld && (await fault()) === 'hold-put';
    isHeld ||= isFirst;
    if (isFirst) console.log('held: put');
    while (isFirst && (await fault()) === 'hold-put') await new Promise((again) => setTimeout(again, 20));
    isHeld &&= !isFirst;
  };
  // The first put after another fault, as where there was one in the same second.
  const refused = async () => {
    const isFirst = !isRefused && (await fault()) === 'refuse-put';
    isRefused = isFirst || (isRefused && (await fault()) === 'refuse-put');
    if (isFirst) throw new Error('KV PUT failed: 429 Too Many Requests');
  };
  return {
    async get(key, options) { await passed(); return env.inner.get(key, options); },
    async getWithMetadata(key, options) { await passed(); return env.inner.getWithMetadata(key, options); },
    async put(key, value, options) { await passed(); await refused(); await held(); return env.inner.put(key, value, options); },
    async list(options) { return env.inner.list(options); },
    async delete(key) { return env.inner.delete(key); },
  };
}`;

/** The Worker that stands in between; beside the locations. */
export const FAULTY_KV = { name: 'faulty-kv', modules: true, script: SCRIPT, kvNamespaces: { inner: 'haggle-snapshots', control: 'haggle-faults' } };

/** Miniflare options of a location that reads its snapshots through it. */
export const behindFaultyKv = { kvNamespaces: {}, wrappedBindings: { SNAPSHOTS: { scriptName: 'faulty-kv', bindings: {} } } };

/**
 * @param {{ edge: { mf: any } }} world
 * @param {'fail' | 'hang' | 'hold-put' | 'refuse-put' | 'none'} fault from the next access on, or of the next put alone; what hangs goes on when it is `none` again
 */
export async function setFault({ edge }, fault) {
  await (await edge.mf.getKVNamespace('control', 'faulty-kv')).put('fault', fault);
}
