/**
 * The words of what somebody wants done.
 */
import { actions as words } from '../words.js';

/** To resume the whole shop is something other than to resume one experiment. @param {{ name: string, action: string }} task @returns {any} */
export const wordsOf = ({ name, action }) => /** @type {any} */ (words.of)[!name && action === 'resume' ? 'resume-all' : action];
