// @ts-check
/** What a connection needs, all of it the test's: sockets, time, chance, a page and its fields. */
import assert from "node:assert/strict";
import { Connection } from "../../python/sapwood/client/connection.js";
import more from "../../python/sapwood/client/more.js";

/** Let promises that are settled be heard. */
export const settled = () => new Promise((done) => setImmediate(done));

/** A patch that fills the page. */
export const WHOLE = [10, 0, 1, "html", 1, 0];

/** The server, the clock and the page of one connection. */
export class World {
  /** @type {any[]} */ sockets = [];
  /** @type {{ at: number, run: Function }[]} */ timers = [];
  /** @type {any[]} */ applied = [];
  /** @type {string[]} */ shown = [];
  /** @type {any[]} */ fields = [];
  /** Fields that were typed into and told. @type {any[]} */ told = [];
  /** @type {any[]} */ gone = [];
  /** @type {any[]} */ edited = [];
  /** @type {number[]} */ surveys = [];
  /** @type {[any, number][]} */ carried = [];
  /** @type {Map<string, any>} */ elements = new Map();
  canLoad = true;
  html = "";
  /** @type {any[]} */ fetched = [];
  /** @type {any} */ work;
  random = 1;
  number = -1;
  now = 0;

  /** @param {object} [wish] */
  constructor(wish = {}) {
    const world = this;
    class Socket {
      readyState = 0;
      /** @type {any[]} */ sent = [];
      isClosed = false;
      /** @param {string} url @param {string} protocol */
      constructor(url, protocol) {
        world.sockets.push(Object.assign(this, { url, protocol }));
      }
      /** @param {string} frame */
      send(frame) {
        this.sent.push(JSON.parse(frame));
      }
      close() {
        this.isClosed = true;
      }
    }
    const work = {
      url: "http://host/_sapwood/",
      token: "T",
      load: async () => {
        if (!this.canLoad) throw new Error("offline");
        return more;
      },
      page: {
        idPrefix: "old",
        needsMore: false,
        elements: this.elements,
        document: {
          querySelectorAll: () => [],
          getElementById: (/** @type {string} */ id) => this.page("id", id)[0] ?? null,
          getElementsByName: (/** @type {string} */ name) => this.page("name", name),
        },
        told: new Map(),
        has: (/** @type {any} */ target) => !this.gone.includes(target),
        id: (/** @type {any} */ target) => target,
        apply: (/** @type {any[]} */ ops, /** @type {number} */ c) => {
          if (ops.includes("bad")) throw new Error("bad");
          this.applied.push([ops, c]);
        },
      },
      values: {
        report: () => new Map(this.fields.splice(0)),
        survey: (/** @type {number} */ c) => this.surveys.push(c),
        carry: (/** @type {any} */ field, /** @type {number} */ c) => this.carried.push([field, c]),
        edit: (/** @type {any} */ field) => this.edited.push(field),
        holds: (/** @type {any} */ field) => this.edited.includes(field),
        get changed() {
          return new Map([...world.told, ...world.fields]);
        },
        get unreported() {
          return new Map(world.fields);
        },
      },
      status: {
        show: (/** @type {string} */ state, /** @type {string} */ text) => this.shown.push(text ?? state),
        notify: (/** @type {string} */ text) => this.shown.push(text),
      },
    };
    Object.assign(work, wish);
    this.connection = new Connection(/** @type {any} */ (work), /** @type {any} */ ({
      WebSocket: Socket,
      setTimeout: (/** @type {Function} */ run, /** @type {number} */ ms) => {
        const timer = { at: this.now + ms, run };
        this.timers.push(timer);
        return timer;
      },
      clearTimeout: (/** @type {any} */ timer) => (this.timers = this.timers.filter((other) => other !== timer)),
      Math: { random: () => this.random },
      Date: { now: () => this.now },
      fetch: async (/** @type {string} */ path, /** @type {any} */ { headers }) => {
        this.fetched.push([path, headers]);
        return { text: async () => this.html };
      },
    }));
    this.work = work;
    this.connection.connect();
  }

  /** Return the elements of the page of which an attribute says *value*. @param {string} name @param {string} value */
  page(name, value) {
    return [...this.elements.values()].filter((element) => element.getAttribute(name) === value);
  }

  get socket() {
    return this.sockets.at(-1);
  }

  /** What the server got since it was last asked. */
  get sent() {
    return this.socket.sent.splice(0);
  }

  /** Return the join, without its number, which is greater than the last one's. */
  joined() {
    const [[kind, { n, ...join }]] = this.sent;
    assert(n > this.number && n >= this.now);
    this.number = n;
    return [kind, join];
  }

  /** @param {any} welcome */
  open(welcome = {}) {
    this.socket.readyState = 1;
    this.socket.onopen();
    const join = this.joined();
    this.say(0, { mode: "handoff", s: 0, c: 0, resume: "R", dev: false, ...welcome });
    return join;
  }

  /** Open a socket whose join needs the second bundle. @param {any} welcome */
  async openAnew(welcome) {
    this.socket.readyState = 1;
    this.socket.onopen();
    await settled();
    const join = this.joined();
    this.say(0, { s: 0, c: 0, resume: "R2", dev: false, ...welcome });
    return join;
  }

  /** @param {any[]} frame */
  say(...frame) {
    this.socket.onmessage({ data: JSON.stringify(frame) });
  }

  lose(code = 1006) {
    this.socket.onclose({ code });
  }

  /** @param {number} ms */
  pass(ms) {
    const end = this.now + ms;
    for (let next; (next = this.timers.sort((a, b) => a.at - b.at)[0]) && next.at <= end; ) {
      this.timers.shift();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }
}

/** An element with these attributes. @param {Record<string, string>} attributes @param {object} [properties] */
export function element(attributes, properties) {
  return { ...attributes, ...properties, getAttribute: (/** @type {string} */ name) => attributes[name] ?? null };
}

export function online() {
  const world = new World();
  world.open();
  return world;
}
