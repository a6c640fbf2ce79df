/**
 * Everything that the pages say, in English. A sentence with numbers in it is a function of texts that `format.js` has
 * written already. One section for each view; no other file has words in it.
 */

export const app = {
};

export const overview = {
};

export const experiment = {
};

export const model = {
};

const and = (/** @type {string[]} */ parts) => new Intl.ListFormat('en').format(parts);

export const actions = {
  who: 'Your name',
  whoHelp: 'It stands in the record beside what you do.',
  reason: 'Reason',
  reasonHelp: 'One line that your colleagues will read in the history.',
  cancel: 'Cancel',
  busy: 'Working…',
  loading: 'Working out what will happen…',
  happens: 'What will happen',
  shoppers: 'Shoppers',
  prices: 'Prices',
  learning: 'Learning',
  now: 'now',
  next: 'next',
  arm: 'Arm',
  price: 'Price',
  share: 'Share of new visitors',
  holdout: 'holdout',
  table: 'Share of each arm, now and next',
  visitors: (/** @type {string} */ perDay) => `About ${perDay} visitors a day come.`,
  moved: (/** @type {string} */ from, /** @type {string} */ share, /** @type {string[]} */ gains) => `${from} gives up its ${share}: ${and(gains)}.`,
  enters: (/** @type {string} */ arm, /** @type {string} */ share, /** @type {string[]} */ losses) => `${arm} gets ${share} of the new visitors: ${and(losses)}.`,
  changes: (/** @type {string[]} */ changes) => `Shares move: ${and(changes)}.`,
  unchanged: 'The shares stay as they are.',
  keep: (/** @type {string} */ price) => `Visitors who saw ${price} keep it until their quote ends.`,
  notAllowed: (/** @type {string} */ why) => `This will be refused: ${why}.`,
  noPreview: (/** @type {string} */ why) => `The next shares cannot be shown: ${why}.`,
  lost: 'No answer came, so it may or may not be done. Try again: it is never done twice.',
  changed: 'Somebody else changed this experiment while you looked at it. Nothing was done.',
  since: 'Since then:',
  lookAgain: 'Look again',
  retry: 'Try again',
  undo: 'Undo',
  undoOf: (/** @type {string} */ done) => `undo of ${done}`,
  undone: (/** @type {string} */ done) => `Undone: ${done}`,
  undoFailed: (/** @type {string} */ why) => `Not undone. ${why}`,
  dismiss: 'Close this notice',
  fields: {
    arm: 'Which arm',
    newArm: 'Name of the new arm',
    newArmHelp: 'Small letters, digits and hyphens, such as low-2.',
    price: (/** @type {string} */ currency) => `Price in ${currency}`,
    multiplier: 'Times the catalogue price',
    multiplierHelp: '0.9 is a tenth less than the catalogue price.',
    floor: 'Least share of every live arm, in percent',
    end: 'End (your time)',
    open: 'No end: it is decided by hand',
    holdout: 'Share of the holdout, in percent',
    holdoutHelp: (/** @type {string} */ now) => `It is ${now} now and can only grow: whoever is in it stays in it.`,
  },
  shop: 'the whole shop',
  /** What each action is called, what it means for whom, and what is said when it is done; `items` where items are randomised. */
  of: {
    start: {
      title: 'Start', confirm: 'Start experiment', reason: '',
      shoppers: () => 'From now on new visitors are sent to the arms by the shares below.',
      prices: () => 'Each shopper keeps the price that was shown first, until the quote ends.',
      learning: () => 'It begins now. Hypothesis, unit and control cannot be changed afterwards.',
      done: (/** @type {string} */ name) => `${name} runs.`,
    },
    pause: {
      title: 'Pause', confirm: 'Pause experiment', reason: '',
      shoppers: (/** @type {boolean} */ items) => (items ? 'Everybody sees the catalogue price.' : 'New visitors see the catalogue price. Whoever was shown a price keeps it until the quote ends.'),
      prices: () => 'No new price is decided until you resume.',
      learning: () => 'Nothing new is learned; late orders still count. Nothing is lost.',
      done: (/** @type {string} */ name) => `${name} is paused.`,
    },
    resume: {
      title: 'Resume', confirm: 'Resume experiment', reason: '',
      shoppers: (/** @type {boolean} */ items) => (items ? 'The prices of the arms are shown again.' : 'New visitors are sent to the arms again; whoever was shown a price gets it back.'),
      prices: () => 'They are decided from what was learned so far.',
      learning: () => 'It goes on where it was.',
      done: (/** @type {string} */ name) => `${name} runs again.`,
    },
    stop: {
      title: 'Stop', confirm: 'Stop now', reason: 'Stopped from the dashboard: prices must be looked at',
      shoppers: () => 'Everybody sees the catalogue price, at every location, within seconds.',
      prices: () => 'A quote that was given before is honoured at checkout where it is lower.',
      learning: () => 'It stands still. Nothing that was learned is lost, and you can resume.',
      done: (/** @type {string} */ name) => `${name} is stopped: catalogue prices for everybody.`,
    },
    decide: {
      title: 'Decide', confirm: 'Decide for this arm', reason: '',
      shoppers: (/** @type {boolean} */ items) => (items ? 'The positive items get the price of this arm.' : 'Everybody new gets the price of this arm, but for the holdout. Whoever was shown another price keeps it until the quote ends.'),
      prices: () => 'They move no more. The catalogue is not changed: that is for you to do, and then to archive the experiment.',
      learning: () => 'It ends, and arms can no longer be changed. This cannot be undone.',
      done: (/** @type {string} */ name) => `${name} is decided.`,
    },
    archive: {
      title: 'Archive', confirm: 'Archive for good', reason: '',
      shoppers: () => 'Everybody sees the catalogue price, unless another experiment prices the item.',
      prices: () => 'Its items are free for another experiment.',
      learning: () => 'It is over. The report is written now and never changes. This cannot be undone.',
      done: (/** @type {string} */ name) => `${name} is archived.`,
    },
    'add-arm': {
      title: 'Add an arm to', confirm: 'Add this arm', reason: '',
      shoppers: (/** @type {boolean} */ items) => (items ? 'Some items get the new price.' : 'Some new visitors are sent to the new arm. Nobody who was shown a price sees another one.'),
      prices: () => 'The new price must lie within the guardrails.',
      learning: () => 'The arm enters with the floor until enough of it is seen, then by what it earns.',
      done: (/** @type {string} */ name, /** @type {string} */ arm) => `${name} has the arm ${arm}.`,
    },
    'pause-arm': {
      title: 'Pause an arm of', confirm: 'Pause this arm', reason: '',
      shoppers: (/** @type {boolean} */ items) => (items ? 'Its items go to the other arms.' : 'Nobody new is sent to it.'),
      prices: () => 'The other prices stay; their shares grow.',
      learning: () => 'What was learned of it is kept. You can revive it.',
      done: (/** @type {string} */ name, /** @type {string} */ arm) => `Arm ${arm} of ${name} is paused.`,
    },
    'retire-arm': {
      title: 'Retire an arm of', confirm: 'Retire this arm', reason: '',
      shoppers: (/** @type {boolean} */ items) => (items ? 'Its items go to the other arms.' : 'Nobody new is sent to it.'),
      prices: () => 'The other prices stay; their shares grow.',
      learning: () => 'What was learned of it is kept. You can revive it.',
      done: (/** @type {string} */ name, /** @type {string} */ arm) => `Arm ${arm} of ${name} is retired.`,
    },
    'revive-arm': {
      title: 'Revive an arm of', confirm: 'Revive this arm', reason: '',
      shoppers: (/** @type {boolean} */ items) => (items ? 'Some items get its price again.' : 'New visitors are sent to it again.'),
      prices: () => 'The other prices stay; their shares shrink.',
      learning: () => 'It goes on from all that was counted of it.',
      done: (/** @type {string} */ name, /** @type {string} */ arm) => `Arm ${arm} of ${name} is live again.`,
    },
    'set-floor': {
      title: 'Set the floor of', confirm: 'Set the floor', reason: '',
      shoppers: () => 'No live arm gets a smaller share of them than this.',
      prices: () => 'They stay; only the shares move.',
      learning: () => 'A higher floor learns more of the weaker arms, and costs what they earn less.',
      done: (/** @type {string} */ name) => `The floor of ${name} is set.`,
    },
    'set-end': {
      title: 'Set the end of', confirm: 'Set the end', reason: '',
      shoppers: () => 'They see no change today.',
      prices: () => 'They stay.',
      learning: () => 'At the end date the experiment is decided by its rule, if nobody decides before.',
      done: (/** @type {string} */ name) => `The end of ${name} is set.`,
    },
    'extend-holdout': {
      title: 'Extend the holdout of', confirm: 'Extend the holdout', reason: '',
      shoppers: () => 'More visitors always see the control; whoever is in the holdout stays in it.',
      prices: () => 'They stay.',
      learning: () => 'The gain is measured more surely, by fewer visitors who teach. This cannot be undone.',
      done: (/** @type {string} */ name) => `The holdout of ${name} is larger.`,
    },
    delete: {
      title: 'Delete the draft', confirm: 'Delete this draft', reason: '',
      shoppers: () => 'They see no change: it was never started.',
      prices: () => 'They stay.',
      learning: () => 'Nothing was learned. The record of the draft stays in the history.',
      done: (/** @type {string} */ name) => `The draft ${name} is deleted.`,
    },
  },
};

export const preview = {
};

export const whatIf = {
};

export const wizard = {
};

export const charts = {
};
