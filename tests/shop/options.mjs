/**
 * What the demo can be told on its command line.
 */

/**
 * @typedef {{ shoppers: number, exit: boolean, port: number, seed: number, edge: { build?: string, migrations?: string } }} Options
 */

/** Shoppers of a run that ends by itself, where nothing else is said. */
const SHOPPERS_OF_A_RUN = 2000;

export const USAGE = `The whole loop of haggle on this machine: a demo shop, the Worker in front of it,
simulated shoppers, and what is learned.

  node tests/shop/demo.mjs [--shoppers N] [--exit [0|1]] [--port P] [--seed S]

  --shoppers N   how many come; 0 (the default) means until Ctrl-C, or ${SHOPPERS_OF_A_RUN} with --exit
  --exit         end when they are through: compare the books, print a summary, exit 0 where all is well, else 1
                 (a few hundred shoppers are too few to find every best price)
  --port P       where the shop listens (default 8787; 0 takes a free port)
  --seed S       another crowd (default 1)
  --build DIR, --migrations DIR   another Worker than worker/build

Examples
  make demo                                             watch it learn, until Ctrl-C
  make demo SHOPPERS=5000 EXIT=1                        the proof: every order counted once, the best price found
  node tests/shop/demo.mjs --shoppers 500 --exit --port 0
`;

/** @param {string} name @param {string | undefined} value @returns {number} */
function whole(name, value) {
  if (!/^\d{1,9}$/.test(value ?? '')) throw new Error(`--${name} is ${value ?? 'missing'}; it must be a whole number`);
  return Number(value);
}

/**
 * @param {string[]} args
 * @returns {Options | null} null where help was asked for
 */
export function readArguments(args) {
  const left = args.flatMap((arg) => (/^--\w+=/.test(arg) ? [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)] : [arg]));
  /** @type {Options} */
  const options = { shoppers: 0, exit: false, port: 8787, seed: 1, edge: {} };
  while (left.length > 0) {
    const name = left.shift();
    if (name === '--help' || name === '-h') return null;
    if (name === '--exit') options.exit = /^[01]$/.test(left[0] ?? '') ? left.shift() === '1' : true;
    else if (name === '--shoppers') options.shoppers = whole('shoppers', left.shift());
    else if (name === '--port') options.port = whole('port', left.shift());
    else if (name === '--seed') options.seed = whole('seed', left.shift());
    else if (name === '--build') options.edge.build = left.shift();
    else if (name === '--migrations') options.edge.migrations = left.shift();
    else throw new Error(`${name} is unknown; --help lists what there is`);
  }
  if (options.exit && options.shoppers === 0) options.shoppers = SHOPPERS_OF_A_RUN;
  return options;
}
