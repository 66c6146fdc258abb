// @ts-check
/** Does what the rarer control frames say: what became of an event, who waits, what is asked. */
import { showError } from "./panel.js";
import { ask } from "./window.js";

/**
 * @param {import("./connection.js").Connection} connection
 * @param {number} kind @param {number} number @param {any[]} rest
 */
export function control(connection, kind, number, ...rest) {
  if (kind === -3) report(connection, number, ...rest);
  if (kind === -4) {
    connection.show("waiting", `Waiting for a place: ${number}`);
    connection.idle();
  }
  if (kind === -5) ask(connection, number, ...rest);
}

/** An event was not run, or failed; in production there is no text to show. One that is not
 * waited for was told of before. @param {import("./connection.js").Connection} connection @param {any[]} report */
function report(connection, ...[number, code, text]) {
  const others = connection.pending.filter((event) => event.c !== number);
  if (others.length === connection.pending.length) return;
  connection.pending = others;
  connection.flush();
  console.warn(code, text);
  if (text && code === "error") showError(connection.work.page.document, text);
}
