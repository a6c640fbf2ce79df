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

export const actions = {
};

export const preview = {
};

export const whatIf = {
};

export const wizard = {
};

export const charts = {
};
