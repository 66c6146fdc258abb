// @ts-check
/**
 * Keeps one session with the server over as many sockets as it takes.
 *
 * Events are numbered and kept until the server says that it handled them;
 * patches come in order or the whole page is asked for. Timers, chance and
 * sockets are a parameter, so that a test can be all of them.
 */

import { uuidOf } from "./nodes.js";

const PING_MS = 15_000;
const ANSWER_MS = 10_000;
/** After this much silence of a server that ought to answer the page says so. */
const SILENCE_MS = 2000;
/** A WebSocket that takes longer to open than this is taken to be blocked. */
const OPEN_MS = 2500;
const ACK_MS = 20;
const ACK_PATCHES = 4;
const BACKOFF_MS = 500;
const BACKOFF_MS_MAX = 5000;
/** Browsers come back to a server that was started anew spread over this time. */
const RESTART_MS = 3000;
const PENDING_MAX = 64;
const EVENT_BYTES_MAX = 65_000;
const KEPT_CHARACTERS_MAX = 128 * 1024;
const RESYNCS_MAX = 3;
/** Origin refused, another connection took over, the application closed it: trying again would change nothing. */
const FINAL = [1008, 4409, 4411];
const RESTART = 1012;
/** Neither a session nor a page waits for what the join brought. */
const GONE = 4410;
/** Frames that need the second bundle: reports, places, questions, and patches with what is not HTML, properties,
 * op 9, op 10. A few others look so too, which does no harm. */
export const RARE = /^\[-[345]|"(svg|math|\.?(value|checked|selected|open|ind|scroll)\w*)"|[,[]9,[^[]+",\[|^\[\d+,(\d+|\[\d+,\d+]),(.*,)?10,(\d+|"[^"]*"),(0[,\]]|\d+,["-])/;
/** Events of which only the latest matters while an earlier one is on its way. */
const CONTINUOUS = /(move|over|scroll|size|update)$/;

/**
 * @typedef {"connecting" | "online" | "offline" | "waiting" | "closed"} State
 * @typedef {Element | string} Target an element or, of a page that was left, its uuid
 * @typedef {{ c: number, target: Target, type: string, data: object | null, fields: Map<Target, unknown>, socket: Socket | null }} Pending
 * @typedef {{ readyState: number, send(frame: string): void, close(): void, onopen: any, onmessage: any, onclose: any }} Socket
 * @typedef {import("./loader.js").More} More
 *
 * @typedef {object} Work what the connection is for
 * @property {string} url the folder of the server's addresses for this
 * @property {string} token good for one join
 * @property {string} [share] the secret of a session to join on purpose
 * @property {string | null} [kept] what `keep` returned in this tab before the page was loaded again
 * @property {() => Promise<More>} load the second bundle
 * @property {import("./anew.js").Page} page
 * @property {import("./values.js").Reports} values
 * @property {{ show(state: State, text?: string): void, notify(text: string): void }} status
 *
 * @typedef {object} Environment what the browser has in its global object
 * @property {new (url: string, protocol: string) => Socket} WebSocket
 * @property {(run: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {{ random(): number }} Math
 * @property {{ now(): number }} Date
 * @property {typeof fetch} fetch
 */

export class Connection {
  /** @type {State} */
  state = "connecting";
  /** The last event's number. */
  count = 0;
  /** What the server has not handled yet. @type {Pending[]} */
  pending = [];
  /** What the next join is made with, before there is a secret to resume with. */
  token;
  resume = "";
  /** What is wrong with the page, while it waits for the whole tree. */
  desync = "";
  /** Takes the page into a session that it was not rendered from. @type {import("./anew.js").Anew | null} */
  anew = null;
  /** What was typed into the pages before this one, and whether the server was not told, until it is here.
   * @type {[string, unknown, boolean][]} */
  typed = [];
  /** The `id` and `name` of what such a page had, by uuid. @type {Record<string, string[]>} */
  names = {};
  /** A script wants the server to hear of what it did to the page. */
  wantsSync = false;
  work;
  environment;

  /** The last join's number. */
  #joined = -1;
  #patch = 0;
  #acknowledged = 0;
  /** @type {More | undefined} */
  #more;
  /** @type {Socket | null} */
  #socket = null;
  /** Frames that wait for the second bundle. @type {string[] | null} */
  #late = null;
  /** Which try this is: what an older one waited for is not wanted any more. */
  epoch = 0;
  /** One way of connecting worked, and stays the one. */
  #isSettled = false;
  #isStream = false;
  #attempts = 0;
  #heard = false;
  #isProbing = false;
  #isSilent = false;
  #resyncs = 0;
  /** What happens next if nothing else does: a ping, giving up, a new try. @type {any} */
  #timer;

  /** @param {Work} work @param {Environment} environment */
  constructor(work, environment = window) {
    this.work = work;
    this.environment = environment;
    this.token = work.token;
  }

  /** Return as text what a page in this tab needs to go on from here; nothing if there is no session to go on with. */
  keep() {
    const { kept: before, values } = this.work;
    if (this.state === "closed" || !(this.resume || before)) return "";
    const { names } = this;
    const called = (/** @type {any} */ target) => {
      const uuid = uuidOf(target);
      // In a form these may be fields of it.
      if (target !== uuid) names[uuid] = [target.id, target.name].map(String);
      return uuid;
    };
    // A password is written nowhere.
    const all = (/** @type {Map<any, unknown>} */ fields) => {
      return [...fields].filter(([{ type }]) => type !== "password").map(([field, value]) => [called(field), value, edited.has(field)]);
    };
    const edited = values.unreported;
    const write = (/** @type {unknown[]} */ ...what) => JSON.stringify([this.resume, this.count, ...what, before && JSON.parse(before)]);
    const events = this.pending.map(({ c, target, type, data, fields }) => {
      return [c, called(target), type, /** @type {any} */ (target).type === "password" ? null : data, all(fields)];
    });
    const text = write(events, [...this.typed, ...all(values.changed)], names);
    return text.length < KEPT_CHARACTERS_MAX ? text : write(events.length, [], {});
  }

  /** Open a socket, in place of any other. */
  async connect() {
    if (this.state === "closed") return;
    this.#drop();
    this.#wait(this.#isSettled || this.#isStream ? ANSWER_MS : OPEN_MS, () => this.lose());
    if (this.#isStream && !(await this.need())) return;
    const { url } = this.work;
    const socket = this.#isStream
      ? new /** @type {More} */ (this.#more).Stream(url, this.environment)
      : new this.environment.WebSocket(url.replace("http", "ws") + "ws", "sapwood.1");
    this.#socket = socket;
    // Nothing that an old socket still says is heard.
    socket.onopen = () => socket === this.#socket && this.#join();
    socket.onmessage = (/** @type {any} */ { data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = (/** @type {any} */ { code }) => socket === this.#socket && this.lose(code);
  }

  /** Find out at once whether the connection still is one. */
  wake() {
    if (this.#socket) this.#ping();
    else this.connect();
  }

  /** Number an event and send it, now or when there is a connection.
   * @param {Element} target @param {string} type @param {object | null} data */
  send(target, type, data) {
    const { values, status } = this.work;
    const last = this.pending.at(-1);
    const isNewer = last?.target === target && last.type === type && !last.socket && (CONTINUOUS.test(type) || type === "input");
    /** @type {Pending} One that never left gives its place and its number to a newer one. */
    const event = isNewer ? last : { c: this.count + 1, target, type, data, fields: new Map(), socket: null };
    const edited = values.report(event.c);
    const fields = new Map([...event.fields, ...edited]);
    const isTooMuch = !isNewer && this.pending.length >= PENDING_MAX;
    if (isTooMuch || size(this.#frame({ ...event, data, fields })) > EVENT_BYTES_MAX) {
      for (const field of edited.keys()) values.edit(field);
      return status.notify("This is too much to send.");
    }
    Object.assign(event, { data, fields });
    if (isNewer) return;
    this.count = event.c;
    this.pending.push(event);
    this.flush();
  }

  /** Tell the server what the document holds that it does not know, as soon as the two agree otherwise. */
  async sync() {
    this.wantsSync = true;
    if (await this.need(false)) /** @type {More} */ (this.#more).tellAll(this);
  }

  /** Ask for the whole tree. @param {string} reason */
  #resync(reason) {
    this.desync = reason;
    if (this.state === "online") this.transmit([-3, reason]);
  }

  async #join() {
    if (!this.#isStream) this.#isSettled = true;
    const { page, kept, share } = this.work;
    const isRare = this.token && (this.anew || kept || share || page.needsMore);
    if (isRare && !(await this.need())) return;
    const usual = () => (this.token ? { token: this.token, fields: this.edited() } : { resume: this.resume, s: this.#patch });
    const join = isRare ? /** @type {More} */ (this.#more).rejoin(this) : usual();
    // Of two joins that overtake each other the later one counts, also after the page was loaded again.
    this.#joined = Math.max(this.#joined + 1, this.environment.Date.now());
    this.transmit([0, { v: 1, n: this.#joined, ...join }]);
  }

  /** Return the fields that a session is told of which knows the page's HTML. */
  edited() {
    const { values } = this.work;
    values.survey(0);
    // Events that wait carry older fields, which must not come last: then the next event has these.
    return this.pending.length ? [] : this.named(values.report(0));
  }

  /** @param {string} data */
  #receive(data) {
    this.#heard = this.#isSettled = true;
    if (this.#isSilent) this.show(this.state);
    // Frames keep their order.
    if (this.#late?.push(data)) return;
    if (!this.#more && RARE.test(data)) return this.#receiveLater(data);
    const [kind, c, ...rest] = JSON.parse(data);
    if (kind > 0) this.#apply(kind, c, rest);
    if (!kind) this.#welcome(c);
    if (kind === -1) this.#handled(c);
    if (kind < -2) /** @type {More} */ (this.#more).control(this, kind, c, ...rest);
  }

  /** Receive a frame when the second bundle is there. @param {string} data */
  async #receiveLater(data) {
    const late = (this.#late = [data]);
    if (!(await this.need())) return;
    this.#late = null;
    for (const data of late) this.#receive(data);
  }

  /** @param {{ mode: string, s: number, c: number, resume: string, dev: boolean }} welcome */
  #welcome({ mode, s, c, resume }) {
    this.resume = resume;
    this.#patch = this.#acknowledged = s;
    // A page that is to be filled says so when it is.
    if (this.anew) this.state = "online";
    else this.show("online");
    const isComing = this.token && this.anew?.begin(mode);
    this.token = "";
    this.#handled(c);
    if (this.desync && !isComing) this.#resync(this.desync);
    if (this.wantsSync) this.sync();
    this.idle();
  }

  /** Find another session. */
  async #renew() {
    this.#drop();
    if (await this.need()) /** @type {More} */ (this.#more).renewSession(this);
  }

  /** @param {number} s @param {number | [number, number]} handled @param {unknown[]} ops */
  #apply(s, handled, ops) {
    // While an event is handled the server knows of its fields already.
    const [c, taken = c] = [handled].flat();
    const isWhole = ops[0] === 10 && ops[1] === 0;
    // What came before may come again, on its way twice.
    if (s > this.#patch) {
      if (isWhole || (!this.desync && s === this.#patch + 1)) this.#advance(s, taken, ops);
      else if (!this.desync) this.#resync("gap");
    }
    this.#handled(c);
  }

  /** @param {number} s @param {number} taken @param {unknown[]} ops */
  #advance(s, taken, ops) {
    try {
      this.work.page.apply(ops, taken);
    } catch (error) {
      if (++this.#resyncs > RESYNCS_MAX) return this.#close();
      return this.#resync(String(error).slice(0, 200));
    }
    this.#patch = s;
    this.desync = "";
    this.#resyncs = 0;
    // Soon is enough, but before the server waits for it.
    if (s - this.#acknowledged >= ACK_PATCHES) this.#acknowledge();
    else this.environment.setTimeout(() => this.#acknowledge(), ACK_MS);
    this.anew?.filled();
    if (this.wantsSync) this.sync();
  }

  #acknowledge() {
    // Without a connection nothing is said, and the next join says it.
    if (this.#patch !== this.#acknowledged) this.transmit([-1, (this.#acknowledged = this.#patch)]);
  }

  /** Forget the events up to *c*, which may let others go. @param {number} c */
  #handled(c) {
    this.pending = this.pending.filter((event) => event.c > c);
    this.flush();
  }

  /** Send what this socket has not carried, except what may still be replaced by something newer. */
  flush() {
    // A page that is yet to be filled has other ids.
    if (this.state !== "online" || this.anew) return;
    const waiting = this.pending.filter((event) => event.socket !== this.#socket);
    const isUnderWay = waiting.length < this.pending.length;
    if (isUnderWay && waiting.length === 1 && CONTINUOUS.test(waiting[0].type)) return;
    for (const event of waiting) {
      event.socket = this.#socket;
      this.#acknowledged = this.#patch;
      this.transmit(this.#frame(event));
    }
    if (waiting.length && !this.#isProbing) this.#probe(SILENCE_MS / 2, () => this.#ping(SILENCE_MS / 2));
  }

  /** @param {Pending} event */
  #frame({ c, target, type, data, fields }) {
    const head = [c, this.#patch, this.work.page.id(target)];
    if (fields.size) return [...head, type, data, this.named(fields)];
    if (data) return [...head, type, data];
    return type === "click" ? head : [...head, type];
  }

  /** Return fields as frames have them. @param {Iterable<any>} fields */
  named(fields) {
    return [...fields].flatMap(([field, value]) => [this.work.page.id(field), value]);
  }

  /** Ask whether the server is there, and say in the page if it does not answer soon. */
  #ping(patience = SILENCE_MS) {
    this.transmit([-2, this.count]);
    this.#probe(patience, () => {
      this.#isSilent = true;
      this.work.status.show("offline", "Reconnecting…");
      this.#probe(ANSWER_MS - patience, () => this.lose());
    });
  }

  /** Wait for anything that the server says. @param {number} ms @param {() => void} otherwise */
  #probe(ms, otherwise) {
    this.#heard = false;
    this.#isProbing = true;
    this.#wait(ms, () => {
      if (!this.#heard) return otherwise();
      this.idle(PING_MS - ms);
      // A connection that has come this far is no reason to wait longer next time.
      this.#attempts = 0;
    });
  }

  /** Ask in a while whether the server is there. @param {number} ms */
  idle(ms = PING_MS) {
    this.#isProbing = false;
    this.#wait(ms, () => this.#ping());
  }

  /** @param {unknown[]} frame */
  transmit(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(encode(frame));
  }

  /** See that the second bundle is there, and still wanted then; without it this connection
   * goes no further, except for what can wait. @param {boolean} [isVital] */
  async need(isVital = true) {
    const epoch = this.epoch;
    try {
      this.work.page.more = this.#more ??= await this.work.load();
    } catch (error) {
      // Most likely the server is not there, and what needs it is tried again with the next connection.
      console.warn(error);
      // What the server has instead is for another version of this.
      if (error === 404) this.#close();
      else if (isVital && epoch === this.epoch) this.lose();
      return false;
    }
    return epoch === this.epoch;
  }

  /** The socket is gone, or as good as gone. @param {number} code @param {number} max of the wait, in ms */
  lose(code = 0, max = BACKOFF_MS_MAX) {
    if (FINAL.includes(code)) return this.#close();
    // A code of the server's: it is reached this way.
    if (code > 1006) this.#isSettled = true;
    if (code === GONE) return void this.#renew();
    this.#drop();
    if (!this.#isSettled) this.#isStream = !this.#isStream;
    const usual = Math.min(max, BACKOFF_MS * 2 ** this.#attempts++);
    const delay = code === RESTART ? RESTART_MS : usual;
    this.#wait(delay * this.environment.Math.random(), () => this.connect());
  }

  #close() {
    this.#drop();
    this.show("closed");
  }

  #drop() {
    this.epoch++;
    this.#late = null;
    this.#isProbing = false;
    this.environment.clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.show(this.state === "connecting" ? "connecting" : "offline");
  }

  /** @param {State} state @param {string} [text] */
  show(state, text) {
    this.state = state;
    this.#isSilent = false;
    this.work.status.show(state, text);
  }

  /** @param {number} ms @param {() => void} run */
  #wait(ms, run) {
    this.environment.clearTimeout(this.#timer);
    this.#timer = this.environment.setTimeout(run, ms);
  }
}

/** Write a frame; half of a surrogate pair, which can be pasted, is no text. @param {unknown[]} frame */
function encode(frame) {
  return JSON.stringify(frame, (_, value) => (typeof value === "string" ? value.replace(/\p{Cs}/gu, "\ufffd") : value));
}

/** Returns a frame's bytes. @param {unknown[]} frame */
export function size(frame) {
  return new Blob([encode(frame)]).size;
}
