/**
 * The dashboard with a past, on this machine: experiments that have run for weeks, and if asked for visitors that keep
 * coming.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { openSeeded } from './seed.mjs';

const SYNC_EVERY_MS = 3000, VISITORS_PER_S = 12;

const USAGE = `The dashboard of a seeded shop, on this machine.

  node tests/dashboard/serve.mjs [--port N] [--experiments N] [--days N] [--seed N] [--live]

  --port N         where the Worker listens (default: a free port)
  --experiments N  how many (default 12: of each state at least one)
  --days N         of history (default 30; 30 days of 12 experiments take about a minute)
  --seed N         another past (default 1)
  --live           visitors keep coming, ${VISITORS_PER_S} in a second

It prints the dashboard's address and the admin token, and ends on Ctrl-C.

Examples
  node tests/dashboard/serve.mjs --live                          all there is, and it moves
  node tests/dashboard/serve.mjs --experiments 3 --days 10       there within seconds
  node tests/dashboard/serve.mjs --port 8787 --days 90 --experiments 20
`;

/** @param {string[]} args */
function readArguments(args) {
  const options = { port: 0, experiments: 12, days: 30, seed: 1, live: false };
  const left = args.flatMap((arg) => arg.split('='));
  while (left.length > 0) {
    const name = left.shift() ?? '';
    if (name === '--help' || name === '-h') return null;
    if (name === '--live') options.live = true;
    else if (['--port', '--experiments', '--days', '--seed'].includes(name)) {
      const value = left.shift() ?? '';
      if (!/^\d{1,6}$/.test(value)) throw new Error(`${name} is ${value || 'missing'}; it must be a whole number`);
      options[name.slice(2)] = Number(value);
    } else throw new Error(`${name} is unknown; --help lists what there is`);
  }
  return options;
}

/** One visitor of a running experiment: looks at a price, and perhaps buys. */
async function visit(world, { definition, demand, catalogue }, next) {
  const item = catalogue ? catalogue[Math.floor(next() * catalogue.length)] : definition.item;
  const { quote, price_minor } = await world.shopper().price(item.sku);
  if (!quote) return;
  await world.expose([quote]);
  const asked = catalogue ? price_minor / item.price_minor : price_minor;
  if (next() < demand.reach / (1 + Math.exp((asked - demand.middle) / demand.width))) {
    await world.reward(world.order([quote], { revenue_minor: price_minor, cost_minor: item.cost_minor }));
  }
}

/** @param {NonNullable<ReturnType<typeof readArguments>>} options */
async function main({ live, port, ...past }) {
  console.log(`${past.days} days of ${past.experiments} experiments ...`);
  const began = performance.now();
  const { world, roles, report } = await openSeeded({ ...past, world: { port, vars: { EPOCH_MIN_S: '60' } } });
  let open = true;
  // Miniflare would end the process at once.
  for (const signal of ['SIGINT', 'SIGTERM']) process.removeAllListeners(signal).on(signal, () => { open = false; });
  // Orders of another run are other orders.
  world.orders = Date.now();
  console.log(`seeded in ${Math.round((performance.now() - began) / 1000)} s\n`);
  console.log(`dashboard   ${world.edge.adminUrl}/   admin token ${world.edge.secrets.ADMIN_TOKEN}`);
  console.log(`shop        ${world.edge.url}/   rewards token ${world.edge.secrets.REWARDS_TOKEN}\n`);
  const visited = roles.filter(({ visitors }) => visitors > 0);
  // Ctrl-C reaches the Worker's process too, which then answers no more.
  const say = (error) => { if (open) console.error(error.message); };
  let synced_ms = 0;
  while (open) {
    const visitors = live ? Array.from({ length: VISITORS_PER_S }, () => visited[Math.floor(Math.random() * visited.length)]) : [];
    await Promise.all([sleep(1000), ...visitors.map((role) => visit(world, role, Math.random))]).catch(say);
    if (!open || Date.now() - synced_ms < SYNC_EVERY_MS) continue;
    await report().catch(say);
    await world.sync().catch(say);
    synced_ms = Date.now();
  }
  await world.close();
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options === null) console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(error.message);
  process.exitCode = 2;
}
