// @ts-check
/**
 * Takes a page into a session that it was not rendered from: one that is restored or
 * begun afresh after the first was lost, one that the tab had before it loaded the page
 * again, one that another browser shares.
 *
 * The page is filled with that session's tree, in which its elements have other ids.
 * So events wait until then; they know the elements that they happened on.
 */
import { size } from "./connection.js";
import { collect } from "./foreign.js";
import { match } from "./match.js";
import { renew } from "./renew.js";

/**
 * @typedef {import("./connection.js").Connection} Connection
 * @typedef {import("./connection.js").Target} Target
 *
 * @typedef {object} Page what a connection asks of the page
 * @property {string} idPrefix
 * @property {boolean} needsMore
 * @property {unknown} more
 * @property {import("./patch.js").Page["match"]} match
 * @property {Map<string, Element>} elements
 * @property {(target: Target) => boolean} has
 * @property {(target: Target) => number | string} id
 * @property {(ops: unknown[], c: number) => void} apply
 */

const SYNC_BYTES_MAX = 1_000_000;

export class Anew {
  #connection;
  /** Events up to this number were made for a session before the one that is joined. */
  #former = 0;
  /** Fields that were edited when the page was left. @type {[string, unknown][]} */
  #fields = [];
  /** What the welcome said. */
  #mode = "";

  /** @param {Connection} connection */
  constructor(connection) {
    this.#connection = connection;
    const { kept } = connection.work;
    if (!kept) return;
    const [resume, count, events, fields = []] = JSON.parse(kept);
    connection.resume = resume;
    this.#former = count;
    // Events that were too much to keep leave their numbers, which the server waits for.
    const lost = Number.isInteger(events) && Array.from({ length: events }, (_, i) => [count - events + 1 + i, "lost", "lost", null, []]);
    this.#tell(lost ? events : 0);
    /** @type {import("./connection.js").Pending[]} */
    const pending = (lost || events).map((/** @type {any[]} */ [c, target, type, data, fields]) => ({ c, target, type, data, fields: new Map(fields), socket: null }));
    this.#fields = [...new Map([...pending.flatMap((event) => [...event.fields]), ...fields])];
    // What happened since the page was loaded comes after what happened before.
    this.#number(connection.pending, count);
    connection.pending.unshift(...pending);
  }

  /** The session is gone: load the page anew for the token of another one. */
  async renew() {
    const connection = this.#connection;
    const { epoch } = connection;
    try {
      const { token, prefix } = await renew(connection.environment, connection.resume);
      if (epoch !== connection.epoch) return;
      connection.token = token;
      connection.work.page.idPrefix = prefix;
      connection.desync = "new session";
      this.#former = Infinity;
      this.#fields = [];
    } catch (error) {
      // What is no live page now may be one later: a mended error, a proxy whose server is back.
      console.warn(error);
    }
    if (epoch === connection.epoch) connection.lose();
  }

  /** Return what a join says besides the token. */
  join() {
    const { work, resume, desync } = this.#connection;
    work.values.restart();
    if (!resume && work.share) return { share: work.share };
    return desync ? {} : { resume, fields: this.#connection.named(this.#fields) };
  }

  /** Take up the session that the welcome is to, and say whether its tree comes unasked. @param {string} mode */
  begin(mode) {
    const connection = this.#connection;
    const { page, values } = connection.work;
    const isSame = mode === "resume" || mode === "restored";
    if (!isSame) {
      const { length } = connection.pending;
      connection.pending = connection.pending.filter((event) => event.c > this.#former);
      this.#tell(length - connection.pending.length);
      this.#number(connection.pending, 0);
      // Numbers of another session say nothing about what the user typed.
      values.restart();
      // Should the page be left now, that is of no session any more.
      connection.work.kept = "";
    }
    this.#mode = mode;
    if (mode === "handoff" && !connection.desync) {
      this.#end();
      return false;
    }
    connection.desync ||= mode;
    page.match = match;
    return mode !== "handoff";
  }

  /** The page has the session's tree now. */
  filled() {
    const connection = this.#connection;
    const { page, values } = connection.work;
    page.match = undefined;
    this.#tell(connection.pending.filter(({ target }) => !page.has(target)).length);
    for (const [uuid] of this.#fields) values.edit(page.elements.get(uuid) ?? {});
    if (this.#mode === "restored" || this.#mode === "fresh") connection.wantsSync = true;
    this.#end();
    connection.flush();
  }

  #end() {
    this.#connection.anew = null;
    this.#connection.work.kept = this.#connection.work.share = "";
  }

  /** @param {import("./connection.js").Pending[]} events @param {number} count of those before */
  #number(events, count) {
    for (const event of events) event.c = ++count;
    this.#connection.count = count;
  }

  /** @param {number} count of events that will not run */
  #tell(count) {
    if (count) this.#connection.work.status.notify(`${count} actions were not carried out.`);
  }
}

/** Return the join of a page that has more to say than others. @param {Connection} connection */
export function join(connection) {
  const { anew, token, work } = connection;
  const join = { v: 1, n: connection.environment.Date.now(), token, fields: /** @type {unknown[]} */ ([]) };
  if (anew) return { ...join, ...anew.join() };
  const foreign = collect(work.page);
  return { ...join, fields: connection.edited(), ...(foreign.length ? { foreign } : null) };
}

/** Tell the server what the document holds that it does not know. @param {Connection} connection */
export function sync(connection) {
  const { state, desync, work } = connection;
  // Else it is done when the two agree otherwise.
  if (state !== "online" || desync) return;
  connection.wantsSync = false;
  work.values.survey();
  const frame = [-4, connection.named(work.values.report(connection.count)), collect(work.page)];
  if (size(frame) > SYNC_BYTES_MAX) work.status.notify("This is too much to send.");
  else connection.transmit(frame);
}
