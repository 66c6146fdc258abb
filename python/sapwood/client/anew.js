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
import { expect } from "./reader.js";
import { load } from "./renew.js";
import { FIELDS } from "./values.js";

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
 * @property {Map<string, Element>} told
 * @property {Document} document
 * @property {(target: Target) => boolean} has
 * @property {(target: Target) => number | string} id
 * @property {(ops: unknown[], c: number) => void} apply
 */

const SYNC_BYTES_MAX = 1_000_000;
/** So much of fields is told with an event besides what it carries itself. */
const FIELDS_BYTES_MAX = 50_000;
/** A page that is none any more, as behind a login, is asked for less and less often. */
const NO_PAGE_MS_MAX = 60_000;
/** The server bears this many at once, and then one in such a time. */
const SYNCS_MAX = 3;
const SYNC_MS = 10_500;
/** How many count against that. @type {WeakMap<Connection, number>} */
const syncs = new WeakMap();

export class Anew {
  #connection;
  /** Events up to this number were made for a session before the one that is joined. */
  #former = 0;
  /** What the welcome said. */
  #mode = "";
  /** How many events were not carried out. */
  #lost = 0;
  /** Which event carries what a field of a page before this one held, by its uuid.
   * @type {Map<unknown, import("./connection.js").Pending>} */
  #carriers = new Map();
  /** Fields that held what was typed before the session was restored. @type {Set<any>} */
  #held = new Set();

  /** @param {Connection} connection */
  constructor(connection) {
    this.#connection = connection;
    const { kept } = connection.work;
    connection.work.kept = null;
    try {
      if (kept) this.#take(JSON.parse(kept));
    } catch (error) {
      // Another version of this wrote it, or somebody else: then it is of no use.
      console.warn(error);
    }
  }

  /** Take up what the page before this one kept, and in it what it had not taken up itself. @param {any} kept */
  #take(kept) {
    const connection = this.#connection;
    const pages = [];
    for (; kept; kept = kept[5]) pages.unshift(kept);
    const [first, ...later] = pages.map(([, count, events]) => this.#read(count, events));
    const carried = /** @type {any[]} */ ([]);
    for (const event of [...first, ...later.flat()]) {
      for (const [field, value] of event.fields) carried.push([field, value, false]), this.#carriers.set(field, event);
    }
    /** @type {Map<string, [string, unknown, boolean]>} Each once, the newest last. */
    const typed = new Map();
    for (const [field, value, isNew] of [...carried, ...pages.flatMap((page) => page[3])]) {
      const before = typed.get(field);
      typed.delete(field);
      typed.set(field, [field, value, isNew || !!before?.[2]]);
    }
    connection.typed = [...typed.values()];
    [[connection.resume, this.#former]] = pages;
    // What happened later is numbered after it.
    const others = [...later.flat(), ...connection.pending];
    this.#number(others, this.#former);
    connection.pending = [...first, ...others];
    connection.names = Object.assign({}, ...pages.map((page) => page[4]));
  }

  /** Read kept events. Those that were too much to keep leave their numbers, which the server waits for.
   * @param {number} count @param {any[] | number} kept @returns {import("./connection.js").Pending[]} */
  #read(count, kept) {
    if (typeof kept !== "number") {
      return kept.map(([c, target, type, data, fields]) => {
        expect(typeof target === "string", target);
        return { c, target, type, data, fields: new Map(fields), socket: null };
      });
    }
    this.#lost += kept;
    return Array.from({ length: kept }, (_, i) => {
      return { c: count - kept + 1 + i, target: "lost", type: "lost", data: null, fields: new Map(), socket: null };
    });
  }

  /** The session is gone: load the page anew for the token of another one. */
  async renew() {
    const connection = this.#connection;
    const { epoch } = connection;
    try {
      const { token, prefix } = await load(connection.environment, connection.resume);
      if (epoch !== connection.epoch) return;
      connection.token = token;
      connection.work.page.idPrefix = prefix;
      connection.desync = "new session";
      this.#former = Infinity;
      connection.connect();
    } catch (error) {
      // What is no live page now may be one later: a mended error, a proxy whose server is back.
      console.warn(error);
      if (epoch === connection.epoch) connection.lose(0, NO_PAGE_MS_MAX);
    }
  }

  /** Return what a join says besides the token. */
  join() {
    const { work, resume, desync } = this.#connection;
    work.values.survey(0);
    if (!resume && work.share) return { share: work.share };
    return desync ? {} : { resume, fields: this.#connection.named(this.#connection.typed.filter(([, , isNew]) => isNew)) };
  }

  /** Take up the session that the welcome is to, and say whether its tree comes unasked. @param {string} mode */
  begin(mode) {
    const connection = this.#connection;
    const { page, values } = connection.work;
    const isSame = mode === "resume" || mode === "restored";
    if (!isSame) {
      const { length } = connection.pending;
      connection.pending = connection.pending.filter((event) => event.c > this.#former);
      this.#lost += length - connection.pending.length;
      this.#number(connection.pending, 0);
      connection.typed = [];
      this.#restart();
    }
    if (mode === "restored") {
      this.#held = new Set(values.changed.keys());
      // The server that was told of what was typed is gone: nothing that fills the page is newer.
      for (const field of this.#untold()) values.carry(field, connection.count + 1);
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
    for (const event of connection.pending) {
      event.target = this.#find(event.target) ?? event.target;
      event.fields = new Map([...event.fields].map(([field, value]) => [this.#find(field, true) ?? field, value]));
    }
    this.#lost += connection.pending.filter(({ target }) => !page.has(target)).length;
    // Older events, handled since the join, may have undone what was typed.
    const fields = connection.typed.flatMap(([target, value, isNew]) => {
      const carrier = connection.pending.find((event) => event === this.#carriers.get(target));
      const field = isNew || carrier || this.#mode === "restored" ? this.#find(target, true) : undefined;
      return field && !values.holds(field, "", 0) ? [{ field, value, isNew, carrier }] : [];
    });
    for (const { field, value, isNew, carrier } of fields) {
      restore(field, value, values);
      if (isNew) continue;
      values.carry(field, carrier?.c ?? 0);
      this.#held.add(field);
    }
    if (this.#mode === "restored") this.#tell();
    this.#end();
    if (this.#mode === "restored" || this.#mode === "fresh") {
      connection.wantsSync = true;
      sync(connection);
    }
    connection.flush();
  }

  #end() {
    const connection = this.#connection;
    const { status } = connection.work;
    connection.anew = null;
    connection.work.share = "";
    connection.typed = [];
    connection.names = {};
    status.show("online");
    const said = this.#former === Infinity && this.#mode !== "restored" ? ["This page has started afresh."] : [];
    if (this.#lost) said.push(this.#lost > 1 ? `${this.#lost} actions were not carried out.` : "1 action was not carried out.");
    if (said.length) status.notify(said.join(" "));
  }

  /** Find what an element of a page that was left is here. Only fields go by their name: what else
   * has the name of something that is gone may do something else.
   * @param {Target} target @param {boolean} [isField] @returns {Element | undefined} */
  #find(target, isField) {
    if (typeof target !== "string") return target;
    const { document, elements } = this.#connection.work.page;
    const [id, name] = this.#connection.names[target] ?? [];
    const named = isField && name ? document.getElementsByName(name) : [];
    return elements.get(target) ?? document.getElementById(id ?? "") ?? (named.length === 1 ? named[0] : undefined);
  }

  /** The fields that held what was typed, and of which neither an event nor the user has yet to tell. */
  #untold() {
    const { pending, work } = this.#connection;
    const { changed, unreported } = work.values;
    const carried = new Set(pending.flatMap(({ fields }) => [...fields.keys()]));
    return [...this.#held].filter((field) => changed.has(field) && !carried.has(field) && !unreported.has(field));
  }

  /** Have the server that restored the session hear what the one before knew: at the turn of the
   * first event that waits, whose handlers may set it anew; if none does, by the next one. */
  #tell() {
    const connection = this.#connection;
    const { values } = connection.work;
    const [first] = connection.pending;
    for (const field of this.#untold()) {
      const fields = new Map(first?.fields).set(field, values.changed.get(field));
      if (!first || size(connection.named(fields)) > FIELDS_BYTES_MAX) {
        values.edit(field);
      } else {
        first.fields = fields;
        values.carry(field, first.c);
      }
    }
  }

  /** Begin with a session that knows the page's HTML, and counts anew. */
  #restart() {
    const { pending, work } = this.#connection;
    const { values, page } = work;
    const { unreported } = values;
    for (const field of page.document.querySelectorAll(FIELDS)) values.carry(field, 0);
    values.survey(0);
    for (const { c, fields } of pending) {
      for (const field of fields.keys()) if (!unreported.has(field)) values.carry(field, c);
    }
  }

  /** @param {import("./connection.js").Pending[]} events @param {number} count of those before */
  #number(events, count) {
    for (const event of events) event.c = ++count;
    this.#connection.count = count;
  }
}

/** Find another session. @param {Connection} connection */
export function renew(connection) {
  connection.anew ??= new Anew(connection);
  connection.anew.renew();
}

/** Return the join of a page that has more to say than others. @param {Connection} connection */
export function join(connection) {
  const { token, work } = connection;
  if (work.kept || work.share) connection.anew ??= new Anew(connection);
  const { anew } = connection;
  const join = { token, fields: /** @type {unknown[]} */ ([]) };
  if (anew) return { ...join, ...anew.join() };
  const foreign = collect(work.page);
  const whole = { ...join, fields: connection.edited(), ...(foreign.length ? { foreign } : null) };
  if (size([whole]) < SYNC_BYTES_MAX) return whole;
  work.page.told.clear();
  work.status.notify("This is too much to send.");
  return join;
}

/** Put into a field what was typed into it before the page was loaded again.
 * @param {any} field @param {any} value @param {import("./values.js").Reports} values */
function restore(field, value, values) {
  if (typeof value === "boolean") field.checked = value;
  else if (Array.isArray(value)) for (const option of field.options ?? []) option.selected = value.includes(option.value);
  else if (field.type !== "file") field.value = value;
  values.edit(field);
}

/** Say whether another sync is not too much, and count it. @param {Connection} connection */
function mayTell(connection) {
  const count = syncs.get(connection) ?? 0;
  if (count >= SYNCS_MAX) return false;
  syncs.set(connection, count + 1);
  if (!count) forget(connection);
  return true;
}

/** Let one sync count no more, after its time. @param {Connection} connection */
function forget(connection) {
  connection.environment.setTimeout(() => {
    const count = /** @type {number} */ (syncs.get(connection)) - 1;
    syncs.set(connection, count);
    if (count) forget(connection);
    if (connection.wantsSync) sync(connection);
  }, SYNC_MS);
}

/** Tell the server what the document holds that it does not know, whoever changed it. @param {Connection} connection */
export function tell(connection) {
  const { pending, count, work } = connection;
  // What an event carries is told by that, and in its turn.
  work.values.survey(pending.length ? pending[0].c - 1 : count);
  sync(connection);
}

/** Tell the server what it is not known to know. @param {Connection} connection */
function sync(connection) {
  const { state, desync, work } = connection;
  // Else it is done when the two agree otherwise, or when it is its time.
  if (state !== "online" || desync || !mayTell(connection)) return;
  connection.wantsSync = false;
  // An event has to carry them too, for nobody says whether this arrives.
  const frame = [-4, connection.named(work.values.unreported), collect(work.page)];
  if (size(frame) > SYNC_BYTES_MAX) work.status.notify("This is too much to send.");
  else connection.transmit(frame);
}
