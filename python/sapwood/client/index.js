// @ts-check
/** Makes the page live: wires the parts together and starts them, once. */
import { Page } from "./patch.js";
import { Values } from "./values.js";
import { delegate } from "./events.js";
import { Connection } from "./connection.js";
import { loader } from "./loader.js";
import { createStatus } from "./status.js";

/** @param {HTMLMetaElement} meta */
function start(meta) {
  const { prefix = "", path = "", more } = meta.dataset;
  const load = loader(`${path}/_sapwood/${more}`);
  const token = meta.content;
  meta.removeAttribute("content");
  const listen = delegate(document, (origin, type, data) => {
    if (!page.restoring) connection.send(page.id(origin), type, data);
  });
  const page = new Page(document, prefix, {
    listen,
    holds: (element, name, c) => values.holds(element, name, c),
  });
  const values = new Values(document, page, () => connection.count);
  const connection = new Connection({
    url: `${location.origin.replace("http", "ws")}${path}/_sapwood/ws`,
    token,
    page,
    values,
    status: createStatus(document, load),
    load,
  });
  follow(connection);
  /** @type {any} */ (window).sapwood = Object.freeze({
    get status() {
      return connection.state;
    },
    resync: () => connection.resync("page"),
  });
}

/** Connect when the page is there to be seen, and again when it comes back. @param {Connection} connection */
function follow(connection) {
  const wake = () => document.hidden || connection.wake();
  addEventListener("online", () => connection.wake());
  addEventListener("pageshow", ({ persisted }) => persisted && connection.connect());
  document.addEventListener("visibilitychange", wake);
  document.addEventListener("prerenderingchange", wake);
  if (!(/** @type {any} */ (document).prerendering)) connection.connect();
}

// A page that was filled anew may bring this script with it again.
const meta = /** @type {HTMLMetaElement | null} */ (document.querySelector("meta[name=sapwood]"));
if (meta && !Object.hasOwn(window, "sapwood")) start(meta);
