// @ts-check
/**
 * Keeps one session with the server over as many sockets as it takes.
 *
 * Events are numbered and kept until the server says that it handled them;
 * patches come in order or the whole page is asked for. Timers, chance and
 * sockets are a parameter, so that a test can be all of them.
 */

const PING_MS = 15_000;
const ANSWER_MS = 10_000;
const ACK_MS = 20;
const ACK_PATCHES = 4;
const BACKOFF_MS = 500;
const BACKOFF_MS_MAX = 30_000;
const PENDING_MAX = 64;
const EVENT_BYTES_MAX = 65_000;
const RESYNCS_MAX = 3;
/** Origin refused, another connection took over: trying again would change nothing. */
const FINAL = [1008, 4409];
/** Neither a session nor a page waits for what the join brought. */
const GONE = 4410;
/** Why the whole tree is asked for when the session is another one. */
const ANEW = "new session";
/** Events of which only the latest matters while an earlier one is on its way. */
const CONTINUOUS = /move$|over$|scroll$|update$/;

/**
 * @typedef {"connecting" | "online" | "offline" | "closed"} State
 * @typedef {{ c: number, id: number | string, type: string, data: object | null, fields: Map<unknown, unknown>, socket: WebSocket | null }} Pending
 *
 * @typedef {object} Work what the connection is for
 * @property {string} url
 * @property {string} token good for one join
 * @property {() => Promise<import("./loader.js").More>} load the second bundle
 * @property {{ idPrefix: string, apply(ops: unknown[], c: number): void }} page
 * @property {{ report(c: number): Map<unknown, unknown>, restart(): void }} values
 * @property {{ show(state: State): void, notify(text: string): void, fail(...report: any[]): void }} status
 *
 * @typedef {object} Environment what the browser has in its global object
 * @property {new (url: string, protocol: string) => WebSocket} WebSocket
 * @property {(run: () => void, ms: number) => any} setTimeout
 * @property {(timer: any) => void} clearTimeout
 * @property {{ random(): number }} Math
 * @property {typeof fetch} fetch
 */

export class Connection {
  /** @type {State} */
  state = "connecting";
  /** The last event's number. */
  count = 0;

  #work;
  #environment;
  #patch = 0;
  #acknowledged = 0;
  #resume = "";
  /** @type {Pending[]} */
  #pending = [];
  /** @type {WebSocket | null} */
  #socket = null;
  #attempts = 0;
  #heard = false;
  /** What is wrong with the page, while it waits for the whole tree. */
  #desync = "";
  #resyncs = 0;
  /** What happens next if nothing else does: a ping, giving up, a new try. @type {any} */
  #timer;

  /** @param {Work} work @param {Environment} environment */
  constructor(work, environment = window) {
    this.#work = work;
    this.#environment = environment;
  }

  /** Open a socket, in place of any other. */
  connect() {
    if (this.state === "closed") return;
    this.#drop();
    const socket = new this.#environment.WebSocket(this.#work.url, "sapwood.1");
    this.#socket = socket;
    // Nothing that an old socket still says is heard.
    socket.onopen = () => socket === this.#socket && this.#transmit([0, this.#hello()]);
    socket.onmessage = ({ data }) => socket === this.#socket && this.#receive(data);
    socket.onclose = ({ code }) => socket === this.#socket && this.#lose(code);
    this.#wait(ANSWER_MS, () => this.#lose());
  }

  /** Find out at once whether the connection still is one. */
  wake() {
    if (this.#socket) this.#ping();
    else this.connect();
  }

  /** Number an event and send it, now or when there is a connection.
   * @param {number | string} id @param {string} type @param {object | null} data */
  send(id, type, data) {
    const { values, status } = this.#work;
    const last = this.#pending.at(-1);
    const isNewer = last?.id === id && last.type === type && !last.socket && (CONTINUOUS.test(type) || type === "input");
    /** @type {Pending} One that never left gives its place and its number to a newer one. */
    const event = isNewer ? last : { c: this.count + 1, id, type, data, fields: new Map(), socket: null };
    event.data = data;
    event.fields = new Map([...event.fields, ...values.report(event.c)]);
    if (isNewer) return;
    if (this.#pending.length >= PENDING_MAX || new Blob([JSON.stringify(this.#frame(event))]).size > EVENT_BYTES_MAX) {
      values.restart();
      return status.notify("This is too much to send.");
    }
    this.count = event.c;
    this.#pending.push(event);
    this.#flush();
  }

  /** Ask for the whole tree. @param {string} reason */
  resync(reason) {
    this.#desync = reason;
    if (this.state === "online") this.#transmit([-3, reason]);
  }

  #hello() {
    const { token, values } = this.#work;
    if (this.#resume) return { v: 1, resume: this.#resume, s: this.#patch };
    values.restart();
    // Events that wait carry older fields, which must not come last: then the next event has these.
    // A page that will be filled anew has no ids yet to tell fields by.
    const fields = this.#pending.length || this.#desync ? [] : [...values.report(0)].flat();
    return { v: 1, token, fields };
  }

  /** @param {string} data */
  #receive(data) {
    this.#heard = true;
    const [kind, c, ...rest] = JSON.parse(data);
    if (kind === 0) this.#welcome(c);
    if (kind > 0) this.#apply(kind, c, rest);
    if (kind === -1) this.#handled(c);
    if (kind !== -3) return;
    this.#pending = this.#pending.filter((event) => event.c !== c);
    this.#flush();
    this.#work.status.fail(...rest);
  }

  /** @param {{ mode: string, s: number, c: number, resume: string, dev: boolean }} welcome */
  #welcome({ s, c, resume }) {
    this.#resume = resume;
    this.#patch = this.#acknowledged = s;
    this.#show("online");
    const { length } = this.#pending;
    if (this.#desync === ANEW) {
      this.#pending = [];
      this.count = 0;
      if (length) this.#work.status.notify(`${length} actions were not carried out.`);
    }
    this.#handled(c);
    if (this.#desync) this.resync(this.#desync);
    this.#wait(PING_MS, () => this.#ping());
  }

  /** Load the page anew, as its address bar says and with the same rights, for the token
   * of another session; what was meant for the old one is void. @returns {Promise<void>} */
  async #renew() {
    this.#drop();
    try {
      const { renew } = await this.#work.load();
      const { token, prefix } = await renew(this.#environment, this.#resume);
      this.#work.token = token;
      this.#work.page.idPrefix = prefix;
      this.#resume = "";
      this.#desync = ANEW;
    } catch {
      // What is no live page now may be one later: a mended error, a proxy whose server is back.
    }
    this.#lose();
  }

  /** @param {number} s @param {number | [number, number]} handled @param {unknown[]} ops */
  #apply(s, handled, ops) {
    // While an event is handled the server knows of its fields already.
    const [c, taken = c] = [handled].flat();
    const isWhole = ops[0] === 10 && ops[1] === 0;
    if (isWhole || (!this.#desync && s === this.#patch + 1)) this.#advance(s, taken, ops);
    else if (!this.#desync) this.resync("gap");
    this.#handled(c);
  }

  /** @param {number} s @param {number} taken @param {unknown[]} ops */
  #advance(s, taken, ops) {
    try {
      this.#work.page.apply(ops, taken);
    } catch (error) {
      if (++this.#resyncs > RESYNCS_MAX) return this.#close();
      return this.resync(String(error).slice(0, 200));
    }
    this.#patch = s;
    this.#desync = "";
    this.#resyncs = 0;
    // Soon is enough, but before the server waits for it.
    if (s - this.#acknowledged >= ACK_PATCHES) this.#acknowledge();
    else this.#environment.setTimeout(() => this.#acknowledge(), ACK_MS);
  }

  #acknowledge() {
    if (this.state !== "online" || this.#patch === this.#acknowledged) return;
    this.#acknowledged = this.#patch;
    this.#transmit([-1, this.#patch]);
  }

  /** Forget the events up to *c*, which may let others go. @param {number} c */
  #handled(c) {
    this.#pending = this.#pending.filter((event) => event.c > c);
    this.#flush();
  }

  /** Send what this socket has not carried, except what may still be replaced by something newer. */
  #flush() {
    if (this.state !== "online") return;
    const waiting = this.#pending.filter((event) => event.socket !== this.#socket);
    const isUnderWay = waiting.length < this.#pending.length;
    if (isUnderWay && waiting.length === 1 && CONTINUOUS.test(waiting[0].type)) return;
    for (const event of waiting) {
      event.socket = this.#socket;
      this.#acknowledged = this.#patch;
      this.#transmit(this.#frame(event));
    }
  }

  /** @param {Pending} event */
  #frame({ c, id, type, data, fields }) {
    if (fields.size) return [c, this.#patch, id, type, data, [...fields].flat()];
    if (data) return [c, this.#patch, id, type, data];
    return type === "click" ? [c, this.#patch, id] : [c, this.#patch, id, type];
  }

  #ping() {
    // A connection that has come this far is no reason to wait longer next time.
    this.#attempts = 0;
    this.#heard = false;
    this.#transmit([-2, this.count]);
    this.#wait(ANSWER_MS, () => {
      if (this.#heard) this.#wait(PING_MS - ANSWER_MS, () => this.#ping());
      else this.#lose();
    });
  }

  /** @param {unknown[]} frame */
  #transmit(frame) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  /** The socket is gone, or as good as gone. @param {number} code */
  #lose(code = 0) {
    if (FINAL.includes(code)) return this.#close();
    if (code === GONE) return void this.#renew();
    this.#drop();
    const delay = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** this.#attempts++);
    this.#wait(delay * this.#environment.Math.random(), () => this.connect());
  }

  #close() {
    this.#drop();
    this.#show("closed");
  }

  #drop() {
    this.#environment.clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#show(this.#resume ? "offline" : "connecting");
  }

  /** @param {State} state */
  #show(state) {
    this.state = state;
    this.#work.status.show(state);
  }

  /** @param {number} ms @param {() => void} run */
  #wait(ms, run) {
    this.#environment.clearTimeout(this.#timer);
    this.#timer = this.#environment.setTimeout(run, ms);
  }
}
