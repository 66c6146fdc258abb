// @ts-check
/** Shows an error in a handler, in development. */
import { box } from "./status.js";

/** Show *text* until it is dismissed. @param {Document} document @param {string} text */
export function showError(document, text) {
  const panel = box(document, "pre", "alert", "monospace;border:0;padding:8px;margin:0;width:auto;max-height:90%;white-space:pre-wrap");
  const button = document.createElement("button");
  button.textContent = "Close";
  button.onclick = () => panel.remove();
  panel.append(button, "\n\n", text);
  // An open popover closes with Escape, and with a click elsewhere.
  panel.popover = "auto";
  panel.showPopover();
}
