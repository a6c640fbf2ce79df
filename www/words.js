/**
 * Everything that the pages say, in English. A sentence with numbers in it is a function of texts that `format.js` has
 * written already. One section for each view; no other file has words in it.
 */

export const app = {
  skip: 'Skip to the content',
  navName: 'Main',
  nav: { overview: 'Overview', preview: 'Preview', whatIf: 'What if', new: 'New experiment' },
  titles: {
    overview: 'Overview',
    model: (/** @type {string} */ name) => `${name}: model`,
    preview: 'Preview',
    whatIf: 'What if',
    new: 'New experiment',
    lost: 'No such page',
  },
  pageTitle: (/** @type {string} */ title) => `${title} · haggle`,
  loading: 'Loading…',
  noSuchPage: 'This address leads nowhere on this page.',
  cannotShow: 'This cannot be shown',
  tryAgain: 'Try again',
  toOverview: 'To the overview',
  signIn: 'Sign in',
  signOut: 'Sign out',
  signInTitle: 'Sign in',
  signInWhy: 'What is learned here, and margins, are for administrators only.',
  token: 'Admin token',
  tokenHelp: 'The secret ADMIN_TOKEN of the Worker. It stays in this tab, and is gone when you close it.',
  wrongToken: 'This token was not accepted. It is the secret ADMIN_TOKEN of the Worker; look for a character too few.',
  expired: 'Your token is no longer accepted: it was changed, or has expired. Sign in with the present one, and this page goes on where it is.',
  accessEnded: 'Your session with Cloudflare Access has ended. Reload this page to sign in there, or use the admin token.',
  /** @param {number} status */
  denied: (status) => {
    if (status === 429) return 'Too many wrong credentials came from your address. Wait a minute, then try again.';
    if (status === 403) return 'Cloudflare Access knows you, but for another application. Ask whoever administers it to let you in here.';
    return `The Worker answered ${status}. Try again in a while; its log says more.`;
  },
  /** @param {number} status @param {string} why */
  refused: (status, why) => (status === 429 || status === 403 ? app.denied(status) : why),
  answered: (/** @type {number} */ status) => `The Worker answered ${status}, without a reason.`,
  noAnswer: 'The Worker did not answer. Is it running, and are you online?',
  live: 'Live',
  hidden: 'Paused while hidden',
  lost: 'Connection lost, trying again',
  wrong: 'Not up to date',
  signedOut: 'Signed out',
  snapshot: (/** @type {string} */ version, /** @type {string} */ age) => `Prices v${version}, ${age}`,
};

export const overview = {
  title: 'Experiments',
};

export const experiment = {
};

export const model = {
};

export const actions = {
};

export const preview = {
};

export const whatIf = {
};

export const wizard = {
};

export const charts = {
  csv: 'CSV',
  picture: 'Picture',
  csvOf: (/** @type {string} */ title) => `CSV: data of “${title}”`,
  pictureOf: (/** @type {string} */ title) => `Picture of “${title}”`,
  empty: 'Nothing to draw yet.',
  marks: (/** @type {number} */ n) => (n === 1 ? '1 intervention' : `${n} interventions`),
  mark: 'intervention',
  low: (/** @type {string} */ name) => `${name}: low`,
  high: (/** @type {string} */ name) => `${name}: high`,
  more: (/** @type {number} */ n) => `and ${n} more`,
  series: 'Line', first: 'First', last: 'Last', lowest: 'Lowest', highest: 'Highest',
  bar: 'Name', from: 'From', to: 'To',
};
