/**
 * Storefronts that render in the browser: one product in React and in Vue, production builds, rendered by the server at
 * the catalogue price and taken over in the browser. Pages and scripts by path, for whoever serves them.
 */
import { fileURLToPath } from 'node:url';

import { renderToString as renderVue } from 'vue/server-renderer';
import { build } from 'esbuild';
import { createElement } from 'react';
import { renderToString as renderReact } from 'react-dom/server';

import { Product } from './storefronts/react.mjs';
import { product } from './storefronts/vue.mjs';

const HTML = 'text/html; charset=utf-8', SCRIPT = 'text/javascript; charset=utf-8';

/** Loads the client before what renders, so that it is there when that starts; see docs/storefront.md. */
export const EARLY = '<script type="module" src="/haggle/haggle.js"></script>\n';

/** @param {string} name @returns {Promise<string>} one file with all that it needs */
async function bundle(name) {
  const entryPoints = [fileURLToPath(new URL(`storefronts/${name}.mjs`, import.meta.url))];
  const flags = { __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false', __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false' };
  const define = { 'process.env.NODE_ENV': '"production"', ...flags };
  return (await build({ entryPoints, bundle: true, minify: true, format: 'esm', write: false, define })).outputFiles[0].text;
}

/** @param {string} name @param {object} item @param {string} html @param {string} early */
const page = (name, item, html, early) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${name}</title><link rel="icon" href="data:,">
${early}<script type="module" src="/${name}.js"></script></head>
<body><div id="root">${html}</div>
<script type="application/json" id="state">${JSON.stringify(item).replaceAll('<', '\\u003c')}</script>
</body></html>
`;

/**
 * `/react`, `/vue` and the scripts. Under `/early` the client is loaded before them; under `/data` there is nothing else than at first,
 * for a site file that names the data.
 * @param {{ sku: string, name: string, price_minor: number }} item
 * @returns {Promise<Map<string, { type: string, body: string }>>}
 */
export async function storefronts({ sku, name, price_minor }) {
  const item = { sku, name, price_minor };
  const rendered = { react: renderReact(createElement(Product, item)), vue: await renderVue(product(item)) };
  const all = new Map();
  for (const [framework, html] of Object.entries(rendered)) {
    all.set(`/${framework}`, { type: HTML, body: page(framework, item, html, '') });
    all.set(`/${framework}/data`, { type: HTML, body: page(framework, item, html, '') });
    all.set(`/${framework}/early`, { type: HTML, body: page(framework, item, html, EARLY) });
    all.set(`/${framework}.js`, { type: SCRIPT, body: await bundle(framework) });
  }
  return all;
}
