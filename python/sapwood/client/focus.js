// @ts-check
/** Moves what is focused and selected with the node it is in, where a browser has no `moveBefore`. */

/** @param {Node} node @param {Node} parent @param {Node | null} before */
export function insertFocused(node, parent, before) {
  const focused = /** @type {any} */ (node.ownerDocument).activeElement;
  const isIn = node.contains(focused);
  const { selectionStart, selectionEnd, selectionDirection } = focused ?? {};
  parent.insertBefore(node, before);
  if (!isIn) return;
  focused.focus({ preventScroll: true });
  if (selectionStart != null) focused.setSelectionRange(selectionStart, selectionEnd, selectionDirection);
}
