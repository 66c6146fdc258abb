// @ts-check
/**
 * Does what the server asks of the window, each question once, and answers.
 *
 * A question comes again with every new socket until its answer has arrived. So answers
 * are kept, as many as there can be open questions, and given again. A dialog is an
 * element of the page: in the browser's own no timer would run, and the page look dead.
 */
import { size } from "./connection.js";
import { box } from "./status.js";

const ANSWERS_MAX = 16;
const ANSWER_BYTES_MAX = 65_000;
const STYLE = "system-ui;inset:0;border:0;padding:16px;max-width:min(90vw,480px);white-space:pre-wrap";

/**
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {{ connection: Connection, window: any, signal: AbortSignal }} Question
 * @typedef {{ controller: AbortController, answer?: unknown[] }} Asked
 */

/** What each connection was asked. @type {WeakMap<Connection, Questions>} */
const questions = new WeakMap();

/** Answer question *number*; one without a name is withdrawn.
 * @param {Connection} connection @param {any} number @param {any[]} question its name and arguments */
export function ask(connection, number, ...question) {
  if (!questions.has(connection)) questions.set(connection, new Questions(connection));
  return /** @type {Questions} */ (questions.get(connection)).ask(number, ...question);
}

class Questions {
  #connection;
  #window;
  /** Those that are being answered, and the last answers. @type {Map<number, Asked>} */
  #asked = new Map();

  /** @param {Connection} connection */
  constructor(connection) {
    this.#connection = connection;
    this.#window = /** @type {any} */ (connection.environment);
    const observer = new this.#window.MutationObserver(() => this.#check());
    observer.observe(documentOf(connection).documentElement, { attributeFilter: ["data-sapwood"] });
  }

  /** @param {number} number @param {string} [name] @param {any[]} [args] */
  async ask(number, name, args = []) {
    const known = this.#asked.get(number);
    if (known && !name) known.controller.abort();
    if (known?.answer) this.#say(number, known);
    if (known) return;
    /** @type {Asked} */
    const asked = { controller: new AbortController() };
    this.#asked.set(number, asked);
    const answer = name ? await this.#answer(name, args, asked.controller.signal) : [null];
    // If it was forgotten meanwhile, it was another session's.
    if (this.#asked.get(number) !== asked) return;
    const isTooMuch = size([-5, number, ...answer]) > ANSWER_BYTES_MAX;
    asked.answer = isTooMuch ? [null, "this is too much to send"] : answer;
    this.#say(number, asked);
  }

  /** @param {string} name @param {any[]} args @param {AbortSignal} signal */
  async #answer(name, args, signal) {
    try {
      const question = { connection: this.#connection, window: this.#window, signal };
      return [(await ACTIONS[name](question, ...args)) ?? null];
    } catch (error) {
      return [null, String(error).slice(0, 200)];
    }
  }

  /** @param {number} number @param {Asked} asked */
  #say(number, asked) {
    this.#asked.delete(number);
    this.#asked.set(number, asked);
    const answered = [...this.#asked].filter(([, { answer }]) => answer);
    for (const [old] of answered.slice(0, -ANSWERS_MAX)) this.#asked.delete(old);
    // Else the server asks again when it is there.
    if (this.#connection.state === "online") this.#connection.transmit([-5, number, .../** @type {any[]} */ (asked.answer)]);
  }

  /** Forget all if what comes next is no more the session that asked: that one counts anew. */
  #check() {
    const { token, state } = this.#connection;
    if (!token && state !== "closed") return;
    for (const { controller } of this.#asked.values()) controller.abort();
    this.#asked.clear();
  }
}

/** All that a window can be asked. @type {Record<string, (question: Question, ...args: any[]) => unknown>} */
const ACTIONS = {
  // @ts-expect-error so that nothing else is in it
  __proto__: null,
  alert: async (question, text) => void (await show(question, text, ["OK"])),
  confirm: (question, text) => show(question, text, ["OK", "Cancel"]).then((said) => said !== null),
  prompt: (question, text, value) => show(question, text, ["OK", "Cancel"], value),
  info: ({ window }) => ({
    url: window.location.href,
    language: window.navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    user_agent: window.navigator.userAgent,
    platform: window.navigator.platform,
    width: window.innerWidth,
    height: window.innerHeight,
    screen_width: window.screen.width,
    screen_height: window.screen.height,
    pixel_ratio: window.devicePixelRatio,
    scroll_x: window.scrollX,
    scroll_y: window.scrollY,
  }),
  get: ({ window }, area, key) => storage(window, area).getItem(key),
  keys: ({ window }, area) => Object.keys(storage(window, area)),
  set: ({ window }, area, key, value) => storage(window, area).setItem(key, value),
  remove: ({ window }, area, key) => storage(window, area).removeItem(key),
  clear: ({ window }, area) => storage(window, area).clear(),
  open(question, url, target) {
    const opened = question.window.open(address(question, url), target);
    if (!opened) throw new Error("the browser opens no window now");
    // What is opened is no part of the application, and may be anybody's.
    if (target === "_blank") opened.opener = null;
  },
  close({ window }) {
    window.close();
    if (!window.closed) throw new Error("the browser closes no window that a script has not opened");
  },
  scroll_to: ({ window }, x, y) => void window.scrollTo(x, y),
  scroll_by: ({ window }, x, y) => void window.scrollBy(x, y),
  assign: (question, url) => leave(question, "assign", address(question, url)),
  replace: (question, url) => leave(question, "replace", address(question, url)),
  reload: (question) => leave(question, "reload"),
};

/** @param {Connection} connection @returns {Document} */
function documentOf({ work }) {
  return /** @type {any} */ (work.page).document;
}

/** @param {any} window @param {string} area */
function storage(window, area) {
  if (!/^(local|session)Storage$/.test(area)) throw new Error("there is no such storage");
  return window[area];
}

/** Return the whole of an address; one that is code, or holds its content, is none.
 * @param {Question} question @param {string} url */
function address({ connection }, url) {
  const { href, protocol } = new URL(url, documentOf(connection).baseURI);
  if (!/^(https?|mailto):$/.test(protocol)) throw new Error(`no address to go to: ${protocol}`);
  return href;
}

/** Go elsewhere, when that has been answered.
 * @param {Question} question @param {"assign" | "replace" | "reload"} how @param {string[]} to */
function leave({ window }, how, ...to) {
  window.setTimeout(() => window.location[how](...to), 0);
}

/** Show *text* with buttons, of which all but the first mean no, until one is pressed; return
 * the line that was typed, if there is one to type, or null for no.
 * @param {Question} question @param {string} text @param {string[]} buttons @param {string} [value]
 * @returns {Promise<string | null>} */
function show({ connection, signal }, text, buttons, value) {
  const { page } = /** @type {any} */ (connection.work);
  const document = documentOf(connection);
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const dialog = /** @type {HTMLDialogElement} */ (box(document, "dialog", "alertdialog", STYLE));
  const form = document.createElement("form");
  const field = document.createElement("input");
  dialog.ariaLabel = field.ariaLabel = text;
  field.value = value ?? "";
  field.style.cssText = "display:block;width:100%;box-sizing:border-box";
  form.append(text, ...(value === undefined ? ["\n"] : [field]));
  for (const name of buttons) {
    const button = document.createElement("button");
    button.textContent = button.value = name;
    form.append(button, " ");
  }
  dialog.append(form);
  return new Promise((done) => {
    const end = (/** @type {string | null} */ said) => {
      done(said);
      // That the focus goes back where it was is not the user's doing. It goes by itself when
      // a dialog is closed, but Chromium loses the caret if that is then removed.
      page.restoring = true;
      dialog.remove();
      before?.focus({ preventScroll: true });
      page.restoring = false;
    };
    form.onsubmit = (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const { value } = /** @type {HTMLButtonElement} */ (event.submitter);
      end(value === buttons[0] ? field.value : null);
    };
    dialog.oncancel = dialog.onclose = signal.onabort = () => end(null);
    dialog.showModal();
    field.select();
  });
}
