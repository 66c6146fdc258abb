// @ts-check
/** Makes the page live: wires the parts together and starts them, once. */
import { Values } from "./values.js";
import { loader } from "./loader.js";
import { delegate } from "./events.js";
import { Page } from "./patch.js";
import { Connection } from "./connection.js";
import { createStatus } from "./status.js";

/** @param {HTMLMetaElement} meta */
function start(meta) {
  const { prefix = "", path = "", more } = meta.dataset;
  const url = `${location.origin + path}/_sapwood/`;
  const token = meta.content;
  meta.removeAttribute("content");
  const load = loader(url + more);
  /** @type {import("./delay.js").Delay | undefined} */
  let delay;
  const listen = delegate((origin, type, data, owner) => {
    if (page.restoring) return;
    // Before that is there, a handler hears of more events than it wants.
    if (page.isDelayed && page.more) delay ??= new page.more.Delay(connection);
    if (delay) delay.receive(origin, type, data, owner);
    else connection.send(origin, type, data);
  });
  const page = new Page(document, prefix, {
    listen,
    holds: (element, name, c) => values.holds(element, name, c),
  });
  const values = new Values(document, page, () => connection.count);
  const { hash, pathname, search } = location;
  const key = "sapwood:" + pathname + search;
  const store = storage();
  /** What the page before this one kept, once: a duplicate of the tab finds nothing and has a session of its own. */
  const take = () => {
    const kept = store[key];
    delete store[key];
    return kept;
  };
  const share = hash.startsWith("#sapwood=") ? hash.slice(9) : "";
  // Before anybody sees it in the address bar.
  if (share) history.replaceState(null, "", pathname + search);
  const connection = new Connection({ url, token, share, kept: take(), load, page, values, status: createStatus(document) });
  addEventListener("pagehide", () => {
    delay?.flush();
    store[key] = connection.keep();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    take();
    connection.connect();
  });
  follow(connection);
  /** @type {any} */ (window).sapwood = Object.freeze({
    get status() {
      return connection.state;
    },
    resync: () => connection.sync(),
  });
}

/** The tab's storage, or where its user forbids that nothing, and then F5 is a new session. @returns {Record<string, any>} */
function storage() {
  try {
    return sessionStorage;
  } catch (error) {
    console.warn(error);
    return {};
  }
}

/** Connect when the page is there to be seen, and again when it comes back; one that was made
 * before anybody wanted it is hidden until then. @param {Connection} connection */
function follow(connection) {
  const wake = () => document.hidden || connection.wake();
  addEventListener("online", () => connection.wake());
  document.addEventListener("visibilitychange", wake);
  if (!(/** @type {any} */ (document).prerendering)) connection.connect();
}

// A page that was filled anew may bring this script with it again.
const meta = /** @type {HTMLMetaElement | null} */ (document.querySelector("meta[name=sapwood]"));
if (meta && !Object.hasOwn(window, "sapwood")) start(meta);
