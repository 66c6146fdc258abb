// @ts-check
/**
 * Shows whether the page is connected, and in development what went wrong.
 *
 * A page can style `html[data-sapwood]` and `[data-sapwood-status]`; what
 * stands on the element itself gives way to `!important`.
 */

const PATIENCE_MS = 1000;
const NOTICE_MS = 6000;

/** Return what shows the state, notices and errors in *document*.
 * @param {Document} document @param {() => Promise<import("./loader.js").More>} load */
export function createStatus(document, load) {
  let wasOnline = false;
  let lasting = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  // A live region speaks only of changes, so it is there before its text.
  const banner = box(document, "div", "status", "system-ui;text-align:center");

  /** @param {string} text */
  const write = (text) => {
    banner.textContent = text;
    banner.style.padding = text && "8px";
  };
  /** @param {string} text @param {number} ms */
  const say = (text, ms) => {
    lasting = text;
    clearTimeout(timer);
    timer = setTimeout(write, ms, text);
  };
  return {
    /** @param {import("./connection.js").State} state */
    show(state) {
      document.documentElement.dataset.sapwood = banner.dataset.sapwoodStatus = state;
      if (state === "online") say("", 0);
      else if (state === "closed") say("No longer live. Please reload.", 0);
      else if (wasOnline) say("Connection lost. Reconnecting…", PATIENCE_MS);
      wasOnline = state === "online";
    },

    /** Say something for a while. @param {string} text */
    notify(text) {
      write(text);
      say(lasting, NOTICE_MS);
    },

    /** Show a handler's error until it is dismissed; in production there is no text to show.
     * @param {string} code @param {string} text */
    fail(code, text) {
      console.warn(code, text);
      if (text && code === "error") load().then(({ showError }) => showError(document, text), console.warn);
    },
  };
}

/** @param {Document} document @param {string} tag @param {string} role @param {string} style */
export function box(document, tag, role, style) {
  const element = document.createElement(tag);
  element.role = role;
  element.style.cssText = "position:fixed;z-index:99;inset:auto 0 0;border:0;color:#fff;background:#333;font:14px/1.4 " + style;
  element.dataset.sapwoodStatus = element.dataset.sapwoodIgnore = "";
  document.body.append(element);
  return element;
}
