/**
 * How the policy learns, in numbers that most experiments leave alone: which there are, their defaults and bounds says the
 * schema of the experiment file. Folded, unless something in it is not as everybody has it.
 */
import { choiceField, controlOf, numberField, numberOf, put, textField, textOf } from '../../fields.js';
import { make } from '../../dom.js';
import { number } from '../../format.js';
import { wizard as words } from '../../words.js';

/** A parameter in the schema. @typedef {{ type: string, default?: number, minimum?: number, maximum?: number }} Parameter */

/** Policies that must know how long it goes, and how much there is. @type {Record<string, string[]>} */
const NEEDS = { exp3_ix: ['horizon'], inventory_thompson: ['horizon', 'stock'] };

/** Without what is empty; nothing where all is. @param {Record<string, unknown>} all */
const given = (all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null && value !== ''));

/** What holds where a file says nothing (docs/experiments.md). @param {any} definition */
const defaults = ({ unit = 'visitor', objective, scope }) => ({ delay: unit === 'visitor' ? 'weighted' : 'naive', reward_model: scope && objective !== 'conversion' ? 'normal' : 'conversion' });

export class Advanced {
  /** @param {any} schema of an experiment file */
  constructor(schema) {
    /** @type {Map<string, Record<string, Parameter>>} */
    this.policies = new Map(schema.properties.policy.oneOf.map((/** @type {any} */ { properties: { name, ...parameters } }) => [name.const, parameters]));
    this.shown = '';
    /** What the policy has in the definition that was copied. @type {Record<string, any>} */
    this.known = {};
    this.note = make('p', { class: 'help', id: 'policy-note', 'aria-live': 'polite' });
    this.parameters = make('div', { class: 'fields' });
    const choices = (/** @type {Record<string, string>} */ all) => /** @type {[string, string][]} */ ([['', words.byDefault], ...Object.entries(all)]);
    const { priorAlpha, priorBeta, priorHelp, rewardModel, rewardModels, delay, delays, horizon, horizonHelp, stock, stockHelp } = words.advanced;
    this.element = make('details', { class: 'advanced' }, make('summary', {}, words.advanced.title), this.parameters,
      make('div', { class: 'fields' }, numberField('horizon', horizon, { min: 1, step: 1 }, horizonHelp), make('div', { class: 'of-item' }, numberField('stock', stock, { min: 1, step: 1 }, stockHelp)),
        numberField('prior.alpha', priorAlpha, { min: 0, placeholder: 1 }), numberField('prior.beta', priorBeta, { min: 0, placeholder: 1 }, priorHelp)),
      make('div', { class: 'fields' }, choiceField('reward_model', rewardModel, choices(rewardModels)), choiceField('delay', delay, choices(delays))));
  }

  /** One parameter, with its default and its bounds. @param {string} name @param {Parameter} parameter */
  field(name, { type, default: usual, minimum = 0, maximum = Infinity }) {
    const [label, help] = /** @type {Record<string, string[]>} */ (words.parameters)[name] ?? [name.replaceAll('_', ' '), ''], path = `policy.${name}`;
    if (type === 'array') return textField(path, label, { class: 'short', value: (this.known[name] ?? []).map((/** @type {number} */ one) => Number((100 * one).toFixed(6))).join(', ') }, help);
    return numberField(path, label, { min: minimum, max: maximum, value: this.known[name] ?? usual ?? '' }, `${help} ${words.range(number(minimum), number(maximum), number(usual))}`);
  }

  /** Shows what can be set about the policy that was chosen. @param {HTMLFormElement} form */
  adjust(form) {
    const name = textOf(form, 'policy.name');
    if (name === this.shown) return;
    this.shown = name;
    this.note.textContent = /** @type {Record<string, string>} */ (words.policyNotes)[name] ?? '';
    this.parameters.replaceChildren(...Object.entries(this.policies.get(name) ?? {}).map(([one, parameter]) => this.field(one, parameter)));
    if (NEEDS[name]?.some((path) => !textOf(form, path))) this.element.open = true;
  }

  /** @param {HTMLFormElement} form @param {any} definition */
  fill(form, definition) {
    const { policy: { name, ...known }, horizon, stock, prior, reward_model: model, delay } = definition, usual = defaults(definition);
    this.known = known;
    this.shown = '';
    const isOwnPrior = prior && !(prior.alpha === 1 && prior.beta === 1);
    const values = { horizon, stock, 'prior.alpha': isOwnPrior ? prior.alpha : '', 'prior.beta': isOwnPrior ? prior.beta : '', reward_model: model === usual.reward_model ? '' : model, delay: delay === usual.delay ? '' : delay };
    for (const [path, value] of Object.entries(values)) put(form, path, value);
    const parameters = this.policies.get(name) ?? {};
    this.element.open = Object.values(values).some((value) => value !== undefined && value !== '') || Object.entries(known).some(([one, value]) => value !== parameters[one]?.default);
    this.adjust(form);
    this.known = {};
  }

  /** What the form says of all this; what is not there has its default. @param {HTMLFormElement} form @returns {Record<string, any>} */
  read(form) {
    const name = textOf(form, 'policy.name'), shares = textOf(form, 'policy.shares').split(/[\s,;]+/).filter(Boolean);
    const parameters = Object.entries(this.policies.get(name) ?? {}).filter(([one, { type }]) => type === 'number' && controlOf(form, `policy.${one}`)).map(([one]) => [one, numberOf(form, `policy.${one}`)]);
    const policy = { name, ...given(Object.fromEntries(parameters)), ...(shares.length > 0 ? { shares: shares.map((one) => (Number.isFinite(Number(one)) ? Number((Number(one) / 100).toPrecision(12)) : one)) } : {}) };
    const prior = given({ alpha: numberOf(form, 'prior.alpha'), beta: numberOf(form, 'prior.beta') });
    return { policy, horizon: numberOf(form, 'horizon'), stock: controlOf(form, 'stock')?.closest('[hidden]') ? null : numberOf(form, 'stock'), prior: Object.keys(prior).length > 0 ? prior : null,
      reward_model: textOf(form, 'reward_model') || null, delay: textOf(form, 'delay') || null };
  }
}
