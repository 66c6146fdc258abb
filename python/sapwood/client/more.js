// @ts-check
/**
 * The second bundle: what few pages need, imported when one does.
 *
 * It is handed the objects of the first and shares no state with it; what both
 * import is constants and functions, which each has its own copy of.
 */
export { Anew, join, sync } from "./anew.js";
export { Delay } from "./delay.js";
export { Filling } from "./fill.js";
export { refocus } from "./focus.js";
export { match } from "./match.js";
export { createElement, setForeign } from "./namespace.js";
export { showError } from "./panel.js";
export { setProperty } from "./property.js";
export { replace } from "./replace.js";
export { Stream } from "./stream.js";
export { ask } from "./window.js";
