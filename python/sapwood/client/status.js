// @ts-check
/**
 * Shows whether the page is connected.
 *
 * A page can style `html[data-sapwood]` and `[data-sapwood-status]`; what
 * stands on the element itself gives way to `!important`.
 */

const PATIENCE_MS = 1500;
const NOTICE_MS = 6000;
const TEXTS = {
  connecting: "Connecting…",
  online: "",
  offline: "Connection lost. Reconnecting…",
  waiting: "Waiting for a place…",
  closed: "No longer live. Please reload.",
};

/** Return what shows the state and notices in *document*. @param {Document} document */
export function createStatus(document) {
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
    if (text === lasting) return;
    lasting = text;
    clearTimeout(timer);
    timer = setTimeout(write, ms, text);
  };
  return {
    /** Show a state, and what it means: at once, or if it may pass soon, soon.
     * @param {import("./connection.js").State} state @param {string} [text] */
    show(state, text) {
      document.documentElement.dataset.sapwood = banner.dataset.sapwoodStatus = state;
      say(text ?? TEXTS[state], text ?? !/^(conn|off)/.test(state) ? 0 : PATIENCE_MS);
    },

    /** Say something for a while. @param {string} text */
    notify(text) {
      write(text);
      clearTimeout(timer);
      timer = setTimeout(() => write(lasting), NOTICE_MS);
    },
  };
}

/** @param {Document} document @param {string} tag @param {string} role @param {string} style */
export function box(document, tag, role, style) {
  const element = document.createElement(tag);
  element.role = role;
  element.style.cssText = "position:fixed;z-index:99;inset:auto 0 0;color:#fff;background:#333;font:14px/1.4 " + style;
  element.dataset.sapwoodStatus = element.dataset.sapwoodIgnore = "";
  document.body.append(element);
  return element;
}
