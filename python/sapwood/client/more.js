// @ts-check
/**
 * The second bundle: what few pages need, imported when one does.
 *
 * It is handed the objects of the first and shares no state with it; what both
 * import is constants and functions, which each has its own copy of.
 */
export { showError } from "./panel.js";
export { renew } from "./renew.js";
