/**
 * The shop's product pictures: flat drawings in SVG, each standing in an arched niche.
 *
 * Colours are named here once; the drawings themselves are data, and the same name always gives the same bytes.
 */

const INK = '#33372b', OLIVE = '#6d7b3c', LEAF = '#8a9a55', CLAY = '#bb5f37', RUST = '#8f4322', SUN = '#e0a93b', CREAM = '#fbf6ea',
  STEEL = '#aab4b8', DARK = '#6f7b80', WOOD = '#b98552', OAK = '#8d6038', SEA = '#4c7f8c', WHITE = '#ffffff';

/** Colours of a niche: the arch and the shelf that the item stands on. */
const NICHES = {
  olive: { arch: '#e3e6cf', shelf: '#c9cfa9' },
  sun: { arch: '#f6e6bf', shelf: '#e7cd90' },
  clay: { arch: '#f3dac9', shelf: '#e2bba1' },
  sea: { arch: '#d8e6e6', shelf: '#b4cdd0' },
};

const LABEL = (x, y, w, h) => `<rect x="${x}" y="${y}" width="${w}" height="${h}" rx="2" fill="${CREAM}"/>`
  + `<path d="M${x + 6} ${y + h * 0.62}h${w - 12}M${x + 6} ${y + h * 0.78}h${w - 18}" stroke="${INK}" stroke-width="2" opacity=".55"/>`;

const SPRIG = (x, y) => `<path d="M${x} ${y}q8-3 16 0" stroke="${OLIVE}" stroke-width="2" fill="none"/>`
  + `<ellipse cx="${x + 5}" cy="${y - 4}" rx="5" ry="2.6" fill="${LEAF}"/><ellipse cx="${x + 12}" cy="${y + 4}" rx="5" ry="2.6" fill="${OLIVE}"/>`;

/** @type {Record<string, string>} */
const DRAWINGS = {
  bottle: `<path d="M90 38h20v26c0 8 14 12 14 30v70a6 6 0 0 1-6 6H82a6 6 0 0 1-6-6V94c0-18 14-22 14-30z" fill="#4d5a2a"/>`
    + `<path d="M84 98c0-12 6-16 9-22v86h-5a4 4 0 0 1-4-4z" fill="${LEAF}" opacity=".55"/>`
    + `<rect x="88" y="28" width="24" height="14" rx="3" fill="${INK}"/>${LABEL(78, 104, 44, 44)}${SPRIG(92, 118)}`,
  tin: `<path d="M62 66h76v98a6 6 0 0 1-6 6H68a6 6 0 0 1-6-6z" fill="${SUN}"/><path d="M62 66h76l-8-14H70z" fill="#c58f27"/>`
    + `<rect x="108" y="40" width="16" height="14" rx="3" fill="${DARK}"/><path d="M74 52c0-16 22-16 22 0" stroke="${DARK}" stroke-width="4" fill="none"/>`
    + `<circle cx="100" cy="114" r="29" fill="${CREAM}"/><path d="M86 128c2-22 14-30 28-32-2 18-10 30-28 32z" fill="${OLIVE}"/>`
    + `<path d="M86 130c8-14 14-20 24-28" stroke="${CREAM}" stroke-width="2" fill="none"/><path d="M62 156h76" stroke="${CLAY}" stroke-width="7"/>`,
  flask: `<path d="M91 34h18v38c20 8 32 26 32 50 0 30-12 48-18 48H77c-6 0-18-18-18-48 0-24 12-42 32-50z" fill="${RUST}"/>`
    + `<path d="M68 124c0-18 8-32 22-40-10 22-12 52-6 78-8-4-16-18-16-38z" fill="${CLAY}" opacity=".8"/>`
    + `<rect x="88" y="24" width="24" height="16" rx="4" fill="${WOOD}"/>${LABEL(76, 108, 48, 40)}<path d="M100 112l3 7h7l-6 4 2 7-6-4-6 4 2-7-6-4h7z" fill="${CLAY}"/>`,
  jar: `<rect x="64" y="66" width="72" height="104" rx="12" fill="${WHITE}" opacity=".75"/><path d="M64 108q18-10 36 0t36-2v52a12 12 0 0 1-12 12H76a12 12 0 0 1-12-12z" fill="${WHITE}"/>`
    + `<rect x="60" y="46" width="80" height="24" rx="6" fill="${WOOD}"/><path d="M60 58h80" stroke="${OAK}" stroke-width="2"/>`
    + `${LABEL(76, 118, 48, 36)}<path d="M84 132q8-8 16 0t16 0" stroke="${SEA}" stroke-width="3" fill="none"/>`,
  vial: `<rect x="78" y="58" width="44" height="112" rx="10" fill="${WHITE}" opacity=".8"/><rect x="82" y="44" width="36" height="18" rx="5" fill="${WOOD}"/>`
    + `<path d="M84 160c4-30 2-50 8-66m4 66c-4-24 6-44 2-70m8 70c4-28-4-40 2-68m4 68c2-20-2-34 2-52M88 160c10-22 16-30 22-54" stroke="#b3261e" stroke-width="3" fill="none" stroke-linecap="round"/>`
    + `<path d="M122 88l22 12-10 26-22-10z" fill="${CREAM}" stroke="${SUN}" stroke-width="2"/><path d="M124 102l10 5m-12 1l8 4" stroke="${INK}" stroke-width="2" opacity=".6"/>`,
  bag: `<path d="M62 62l8-14h60l8 14 6 98a10 10 0 0 1-10 10H66a10 10 0 0 1-10-10z" fill="#d9b98d"/><path d="M62 62h76l-8-14H70z" fill="#c39f6e"/>`
    + `<circle cx="100" cy="116" r="30" fill="${CREAM}"/><ellipse cx="90" cy="112" rx="9" ry="14" fill="${WOOD}" transform="rotate(-24 90 112)"/>`
    + `<ellipse cx="112" cy="120" rx="9" ry="14" fill="${OAK}" transform="rotate(30 112 120)"/><path d="M88 102q4 10 2 20m24-10q-4 8-2 18" stroke="${CREAM}" stroke-width="1.6" fill="none" opacity=".7"/>`,
  spice: `<rect x="64" y="70" width="72" height="100" rx="6" fill="#b3261e"/><path d="M64 84h72M64 156h72" stroke="${SUN}" stroke-width="4"/>`
    + `<rect x="60" y="54" width="80" height="18" rx="5" fill="${SUN}"/><path d="M60 63h80" stroke="#c58f27" stroke-width="2"/><rect x="76" y="96" width="48" height="48" rx="24" fill="${CREAM}"/>`
    + `<path d="M90 108c10-6 22 2 18 14-3 10-12 14-20 14 8-6 10-12 8-18-1-4-4-7-6-10z" fill="#b3261e"/><path d="M90 108q-4-4-2-8" stroke="${OLIVE}" stroke-width="3" fill="none"/>`,
  honey: `<path d="M62 76h76l6 22v52a20 20 0 0 1-20 20H76a20 20 0 0 1-20-20V98z" fill="${SUN}"/><path d="M66 100v48a14 14 0 0 0 10 14V96z" fill="#f3cf7c"/>`
    + `<rect x="64" y="54" width="72" height="24" rx="4" fill="${CREAM}"/><path d="M64 60h72M64 70h72" stroke="${CLAY}" stroke-width="2" opacity=".5"/>`
    + `<path d="M100 102l20 11v24l-20 11-20-11v-24z" fill="${CREAM}"/><ellipse cx="100" cy="127" rx="11" ry="8" fill="${INK}"/><path d="M96 120v14m8-14v14" stroke="${SUN}" stroke-width="3"/>`
    + `<ellipse cx="96" cy="115" rx="8" ry="4" fill="${STEEL}" opacity=".8" transform="rotate(-24 96 115)"/>`,
  mortar: `<path d="M118 34l14 6-24 66-14-5z" fill="${WOOD}"/><circle cx="126" cy="35" r="10" fill="${OAK}"/>`
    + `<path d="M46 92h108c0 40-18 58-34 64v14H80v-14C64 150 46 132 46 92z" fill="#eef1f1"/><path d="M42 84h116v14H42z" fill="${WHITE}"/>`
    + `<path d="M60 108q20 12 30 4t26 10m-40 14q16-8 28 2" stroke="${STEEL}" stroke-width="2" fill="none" opacity=".8"/><rect x="70" y="164" width="60" height="8" rx="3" fill="#dfe5e5"/>`,
  pan: `<path d="M38 104a8 8 0 0 1-8-14l16-6m108 20a8 8 0 0 0 8-14l-16-6" stroke="${DARK}" stroke-width="7" fill="none" stroke-linecap="round"/>`
    + `<ellipse cx="100" cy="98" rx="62" ry="26" fill="${STEEL}"/><path d="M38 98c2 46 122 46 124 0v8c-2 52-122 52-124 0z" fill="${DARK}"/>`
    + `<ellipse cx="100" cy="98" rx="53" ry="20" fill="${SUN}"/><path d="M70 92q8-10 16 0m28 10q8-10 16 0m-40 6q6-8 12 0" stroke="${CLAY}" stroke-width="5" fill="none" stroke-linecap="round"/>`
    + `<g fill="${OLIVE}"><circle cx="104" cy="88" r="4"/><circle cx="126" cy="92" r="4"/><circle cx="76" cy="105" r="4"/></g><path d="M92 84l8 4" stroke="#b3261e" stroke-width="4" stroke-linecap="round"/>`
    + `<path d="M46 132l-8 38m116-38l8 38M60 150h80" stroke="${INK}" stroke-width="4" opacity=".7"/>`,
  board: `<g transform="rotate(-12 100 108)"><path d="M70 62h60a14 14 0 0 1 14 14v84a14 14 0 0 1-14 14H70a14 14 0 0 1-14-14V76a14 14 0 0 1 14-14z" fill="${WOOD}"/>`
    + `<path d="M88 64V40a12 12 0 0 1 24 0v24z" fill="${WOOD}"/><circle cx="100" cy="42" r="5" fill="${CREAM}"/>`
    + `<path d="M72 84c14 18 6 50 14 84m14-88c10 26-6 54 4 90m20-92c-8 30 6 50 0 88" stroke="${OAK}" stroke-width="3" fill="none" opacity=".75"/>`
    + `<ellipse cx="118" cy="118" rx="7" ry="11" fill="none" stroke="${OAK}" stroke-width="3" opacity=".75"/></g>`,
  knife: `<g transform="rotate(38 100 104)"><path d="M88 20c26 14 32 62 28 100H88z" fill="#dde3e5"/><path d="M88 20c8 6 14 16 18 30L96 120h-8z" fill="${STEEL}"/>`
    + `<rect x="86" y="118" width="32" height="9" fill="${DARK}"/><path d="M88 127h28l4 52a8 8 0 0 1-8 8H94a8 8 0 0 1-8-8z" fill="${OAK}"/>`
    + `<g fill="${SUN}"><circle cx="102" cy="140" r="3"/><circle cx="102" cy="156" r="3"/><circle cx="102" cy="172" r="3"/></g></g>`,
  ham: `<path d="M44 168h112" stroke="${OAK}" stroke-width="10" stroke-linecap="round"/><path d="M140 166V66m0 4l-20-8" stroke="${WOOD}" stroke-width="7" fill="none" stroke-linecap="round"/>`
    + `<path d="M128 58c8 26-8 70-34 88-20 12-42 4-44-16-2-26 34-58 62-74z" fill="${RUST}"/><path d="M112 60c-24 16-52 44-52 66 0 10 8 16 18 14 24-10 40-50 40-80z" fill="${CLAY}"/>`
    + `<path d="M114 62l18-34 10 5-14 34z" fill="#e8d3b5"/><path d="M136 26l8-8 8 10-9 6z" fill="${INK}"/><path d="M70 124c8-22 22-38 36-48m-26 56c10-12 18-26 22-40" stroke="#e9b79b" stroke-width="4" fill="none" stroke-linecap="round"/>`,
  table: `<path d="M30 92h140l10 16H20z" fill="${WOOD}"/><rect x="20" y="106" width="160" height="9" fill="${OAK}"/>`
    + `<path d="M42 115h16l-4 55H44zm100 0h16l-2 55h-10z" fill="${OAK}"/><path d="M50 146h100" stroke="${WOOD}" stroke-width="7"/>`
    + `<path d="M86 92V72h24v20z" fill="${SEA}"/><path d="M92 72c-8-18 4-24 2-36m8 36c8-16 0-28 8-40m-10 40V40" stroke="${OLIVE}" stroke-width="3" fill="none"/>`
    + `<g fill="${LEAF}"><ellipse cx="90" cy="46" rx="4" ry="9"/><ellipse cx="100" cy="38" rx="4" ry="9"/><ellipse cx="110" cy="44" rx="4" ry="9"/></g><ellipse cx="136" cy="90" rx="16" ry="5" fill="${CREAM}"/><circle cx="132" cy="84" r="6" fill="${SUN}"/><circle cx="142" cy="85" r="5" fill="${CLAY}"/>`,
  oven: `<path d="M34 150a66 66 0 0 1 132 0z" fill="${CLAY}"/><path d="M46 150a54 60 0 0 1 40-62c-18 14-24 36-22 62z" fill="#d2805a"/><rect x="92" y="40" width="18" height="50" fill="${RUST}"/><rect x="88" y="34" width="26" height="9" rx="2" fill="${INK}"/>`
    + `<path d="M72 150v-12a28 28 0 0 1 56 0v12z" fill="#3a1d10"/><path d="M100 122c14 10 16 18 12 28H88c-4-8 4-12 6-18 2 4 4 4 4 6 2-4 4-8 2-16z" fill="${SUN}"/>`
    + `<path d="M100 136c6 6 6 10 4 14h-9c-1-5 4-8 5-14z" fill="#fff1c4"/><rect x="26" y="150" width="148" height="12" rx="2" fill="#d9c3ab"/><path d="M40 162h120v10H40z" fill="#b99f86"/><path d="M62 162v10m38-10v10m38-10v10" stroke="#d9c3ab" stroke-width="3"/>`,
  mill: `<path d="M40 128h120l-10 40H50z" fill="${STEEL}"/><ellipse cx="100" cy="128" rx="60" ry="16" fill="#c7d0d3"/><ellipse cx="100" cy="130" rx="48" ry="11" fill="#5b6b3a"/>`
    + `<path d="M64 122l14-46 26 8-8 42z" fill="#b9b3a8"/><ellipse cx="91" cy="80" rx="14" ry="5" fill="#d8d3c9" transform="rotate(16 91 80)"/><path d="M136 122l-12-44-26 8 6 40z" fill="#a39d92"/><ellipse cx="111" cy="82" rx="14" ry="5" fill="#cbc5ba" transform="rotate(-16 111 82)"/>`
    + `<rect x="96" y="40" width="9" height="60" fill="${INK}"/><path d="M66 60h70" stroke="${OAK}" stroke-width="7" stroke-linecap="round"/><circle cx="100" cy="40" r="7" fill="${CLAY}"/><g fill="${LEAF}"><circle cx="72" cy="130" r="5"/><circle cx="122" cy="134" r="5"/><circle cx="100" cy="137" r="4"/></g>`,
};

/**
 * The picture of an item, as inline SVG.
 * @param {{ picture: string, tint: string, name: string }} item
 * @returns {string}
 */
export function picture(item) {
  const niche = NICHES[item.tint] ?? NICHES.olive;
  return `<svg viewBox="0 0 200 200" role="img" aria-label="${item.name.replaceAll('"', '&quot;')}">`
    + `<path d="M20 190V96a80 80 0 0 1 160 0v94z" fill="${niche.arch}"/><rect x="8" y="170" width="184" height="20" rx="3" fill="${niche.shelf}"/>`
    + `${DRAWINGS[item.picture] ?? ''}</svg>`;
}

/** The drawing behind the shop's name on the first page: hills, a sun and an olive tree. */
export const LANDSCAPE = `<svg class="landscape" viewBox="0 0 1200 320" preserveAspectRatio="xMidYMax slice" aria-hidden="true">`
  + `<circle cx="905" cy="118" r="62" fill="${SUN}" opacity=".85"/><path d="M0 236q180-110 380-50t360-40 460 20v154H0z" fill="#d5d9b4"/>`
  + `<path d="M0 276q240-90 520-30t680-40v114H0z" fill="#b2bb82"/><path d="M0 308q300-60 640-20t560-24v56H0z" fill="${OLIVE}"/>`
  + `<g fill="#59672f"><path d="M1014 262c-4-30 8-40 4-66h10c-2 26 12 38 8 66z" fill="${OAK}"/><ellipse cx="990" cy="190" rx="44" ry="30"/><ellipse cx="1050" cy="184" rx="50" ry="34"/><ellipse cx="1020" cy="160" rx="46" ry="32"/></g>`
  + `<g fill="${LEAF}"><ellipse cx="1006" cy="154" rx="20" ry="10"/><ellipse cx="1060" cy="176" rx="20" ry="10"/><ellipse cx="980" cy="186" rx="18" ry="9"/></g></svg>`;
