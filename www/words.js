/**
 * Everything that the pages say, in English. A sentence with numbers in it is a function of texts that `format.js` has
 * written already. One section for each view; no other file has words in it.
 */

/** A list as people write it. */
const and = (/** @type {string[]} */ parts) => new Intl.ListFormat('en').format(parts);

export const app = {
};

export const overview = {
};

export const experiment = {
};

export const model = {
  title: (/** @type {string} */ name) => `Model diagnostics: ${name}`,
  back: (/** @type {string} */ name) => `← ${name}`,
  asOf: (/** @type {string} */ time) => `Counted at ${time}; drawn anew whenever something is published.`,
  nothingYet: 'Too little is known yet. The diagnostics fill as soon as visitors are counted.',
  allFine: 'Nothing to worry about.',
  lookAt: (/** @type {number} */ n) => (n === 1 ? 'One thing to look at:' : `${n} things to look at:`),
  leftOut: (/** @type {string[]} */ titles) => `Left out, because items are randomised here and a visit says nothing about its own: ${and(titles)}.`,
  early: 'Too little is known yet.',
  notNow: (/** @type {string} */ why) => `This cannot be said now: ${why}.`,
  notYet: 'too little yet',
  how: 'How it is computed',
  source: 'Formulas and sources: docs/statistics.md. It is computed in this browser, by the same code that decides the prices.',
  marks: { fine: '✓', look: '!', early: '…' },
  arm: 'Arm',
  visitors: 'Visitors',
  orders: 'Orders',
  pBest: 'P(best)',
  pValue: 'p-value',
  prior: 'prior',
  time: 'Time',
  states: /** @type {Record<string, string>} */ ({ live: 'live', paused: 'paused', retired: 'retired' }),
  panels: {
    densities: {
      title: 'What each arm is worth',
      shows: 'Each hill is what haggle believes an arm earns: a narrow hill is sure, and hills that overlap are not told apart yet.',
      worry: 'Worry when the hill of an arm that you count on stays broad for weeks: too few see it.',
      how: 'The posterior of each arm: the prior, updated with what was counted, orders on their way corrected for. P(best) is the probability that no other live arm is worth more.',
      x: 'Worth of one exposure', y: 'Density', mean: 'Mean', range: '95 % between',
      says: (/** @type {string} */ arm, /** @type {string} */ p) => `${arm} is the best with a probability of ${p}.`,
    },
    why: {
      title: 'Why this allocation',
      shows: 'From what is believed to the share that is served: what the policy asks for, what the floor makes of it, and what one more day like the last would change.',
      worry: 'Worry when a weak arm stays far above the floor although its P(best) is small: somebody has fixed its share, or it was just added.',
      how: 'Thompson sampling asks for P(best) of each arm; other policies have rules of their own (docs/policies.md). No live arm falls below the floor. Shares are rounded to 1/65536 and add up to one. One more day: the same policy with the last day counted once more.',
      asked: 'Policy asks', floor: 'Floor', share: 'Share now', next: 'In a day', state: 'State', atFloor: 'at the floor',
      policy: (/** @type {string} */ policy, /** @type {string} */ floor, /** @type {string} */ holdout) => `Policy ${policy}, floor ${floor}, holdout ${holdout}.`,
      day: (/** @type {string} */ exposures, /** @type {string} */ orders, /** @type {string} */ p) => `One more day brings about ${exposures} exposures and ${orders} orders; the leader would then be best with a probability of ${p}.`,
      floored: (/** @type {string[]} */ arms) => `The floor holds ${and(arms)}; without it the policy would give less.`,
      free: 'The policy decides every share; the floor changes none.',
    },
    prior: {
      title: 'Prior against posterior',
      shows: 'How much of the belief was there before anybody came. Move the prior: where the hills stay, the evidence speaks, not the prior.',
      worry: 'Worry when another prior makes another arm the best: it is too early to decide.',
      how: 'The prior is a Beta distribution of the rate at which exposures become orders; its strength is the number of exposures that it stands for. Nothing is sent and nothing is saved: only this picture is computed anew.',
      strength: 'Strength of the prior', rate: 'Rate that it expects', reset: 'Back to the experiment’s prior',
      before: 'P(best), experiment’s prior', now: 'P(best), this prior',
      asIf: (/** @type {string} */ n) => `as ${n} exposures`,
      try: 'This is the experiment’s own prior. Move a slider to try another.',
      same: (/** @type {string} */ arm) => `With this prior, too, ${arm} is the most likely best.`,
      other: (/** @type {string} */ now, /** @type {string} */ before) => `With this prior ${now} leads instead of ${before}: the evidence does not outweigh the prior yet.`,
      says: (/** @type {string} */ n) => `The prior of the experiment counts as much as ${n} exposures.`,
    },
    propensities: {
      title: 'Served against planned',
      shows: 'Whether each arm got the visitors that it was planned to get.',
      worry: 'Worry when this raises an alarm: exposures get lost on one arm, and every comparison is off until that is found.',
      how: 'Sample-ratio test: the exposures of each arm against the shares that were published while they were made. The e-value is valid at any time, so looking daily raises no false alarm (Lindon and Malek, 2022).',
      served: 'Served', planned: 'Planned', ratio: 'Served / planned',
      leftOut: (/** @type {string} */ n) => `${n} exposures are left out: they were made while shares changed.`,
      alarm: (/** @type {string} */ p) => `The arms did not get the planned shares (p ${p}). Look for pages or beacons that fail at one price.`,
      calm: (/** @type {string} */ p) => `As planned, up to chance (p ${p}).`,
    },
    stability: {
      title: 'Does a rate drift?',
      shows: 'The rate at which visitors of each period became orders, arm by arm. All arms may rise and fall together; one that moves alone is the trouble.',
      worry: 'Worry when one arm drifts: what was learned last month may not hold now. A discounted or sliding policy forgets.',
      how: 'Each arm’s rate over time against those of the other arms in the same periods; the test asks whether their ratio stays.',
      chart: 'Orders per exposure over time', rate: 'Rate', table: 'Test for drift, by arm', verdict: 'Verdict', drifts: 'drifts', steady: 'steady',
      alarm: (/** @type {string[]} */ arms) => `${and(arms)}: the rate moves unlike the others’.`,
      calm: 'No arm moves unlike the others.',
    },
    calibration: {
      title: 'Predicted against observed',
      shows: 'What an earlier publication expected of an arm, and what came after it. Points on the line came out as predicted.',
      worry: 'Worry when many intervals miss the line: the beliefs are surer than they should be.',
      how: 'The posterior of an earlier publication gives the mean and the 95 % interval of what the exposures after it would bring; beside it stands what they brought.',
      predicted: 'Predicted worth of one exposure', observed: 'Observed', diagonal: 'as predicted',
      says: (/** @type {string} */ hits, /** @type {string} */ all) => `${hits} of ${all} predictions came out inside their interval; about 95 in 100 should.`,
    },
    delays: {
      title: 'How long orders take',
      shows: 'Which part of the orders has come so many hours after the price was shown. Young exposures count less until their orders had time to come.',
      worry: 'Worry when the curve has not flattened at the end: the reward window is too short.',
      how: 'The delays of all orders so far, corrected for those still on their way (right truncation), give the weight of each exposure by its age: the effective exposures.',
      chart: 'Part of the orders that came within so many hours', hours: 'Hours after the exposure', share: 'Part of the orders', series: 'orders',
      table: 'What the correction does', effective: 'Effective', rate: 'Plain rate', corrected: 'Corrected rate',
      says: (/** @type {string} */ mean, /** @type {string} */ window, /** @type {string} */ pending) => `An order takes ${mean} hours on average; ${window} hours are waited for. About ${pending} orders are still to come.`,
    },
    offPolicy: {
      title: 'How far the log goes for another policy',
      shows: 'The log can judge a policy that never ran, by the visitors who happened to get what it would have served. This is for how many it counts.',
      worry: 'Worry below some hundred: an answer of haggle evaluate is then hardly one. A higher floor helps.',
      how: 'Effective sample size (Kish, 1965): the square of the summed importance weights over the sum of their squares, with the propensities that every exposure was made with.',
      policy: 'If everybody got', ess: 'Effective visitors', share: 'Part of all',
      few: (/** @type {string[]} */ arms, /** @type {string} */ few) => `Fewer than ${few} effective visitors for ${and(arms)}.`,
      enough: (/** @type {string} */ few) => `At least ${few} effective visitors for each.`,
    },
    regret: {
      title: 'What learning has cost',
      shows: 'What would have been earned more, had everybody had from the start the arm that looks best now.',
      worry: 'Worry when it keeps rising in a straight line: the policy does not move to the better arm.',
      how: 'The sum over all periods of the best arm’s mean less what was served, by today’s posterior means. It is an estimate: the arm that looks best may not be.',
      y: 'Regret so far', series: 'regret',
      says: (/** @type {string} */ all, /** @type {string} */ each, /** @type {string} */ best) => `About ${all} in all, ${each} an exposure, against ${best} for everybody.`,
    },
  },
};

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
