/**
 * Writes worker/src/crawlers.txt: what a crawler calls itself, one regular expression a line, from the npm package
 * `isbot` at its pinned version. To renew it: `npm update isbot && make crawlers`.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { list } from 'isbot';

/** The list as it is checked in. */
export const CRAWLERS = fileURLToPath(new URL('../worker/src/crawlers.txt', import.meta.url));

/** The text of the list: sorted, so that an update shows what came and went. */
export const crawlers = () => `${[...list].sort().join('\n')}\n`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(CRAWLERS, crawlers());
  process.stdout.write(`${list.length} patterns in worker/src/crawlers.txt\n`);
}
