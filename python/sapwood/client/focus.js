// @ts-check
/** Puts focus and selection back into what was moved, where a browser has no `moveBefore`. */

/** @param {Node} moved @param {any} focused @param {[number | null, number, any]} field what was selected in a field */
export function refocus(moved, focused, field) {
  if (!moved.contains(focused)) return;
  focused.focus({ preventScroll: true });
  if (field[0] != null) focused.setSelectionRange(...field);
}
