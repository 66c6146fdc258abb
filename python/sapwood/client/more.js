// @ts-check
/**
 * The second bundle: what few pages need, imported when one does.
 *
 * It is handed the objects of the first and shares no state with it; what both
 * import is constants and functions, which each has its own copy of.
 */
import { join, renew, tell } from "./anew.js";
import { control } from "./control.js";
import { Delay } from "./delay.js";
import { Filling } from "./fill.js";
import { insertFocused } from "./focus.js";
import { match } from "./match.js";
import { createElement, setForeign } from "./namespace.js";
import { setProperty } from "./property.js";
import { replace } from "./replace.js";
import { Stream } from "./stream.js";

/** In one object, of which the build shortens the names; so none is a name of the DOM's. */
export default {
  Delay,
  Filling,
  Stream,
  control,
  createNamed: createElement,
  findMatch: match,
  insertFocused,
  rejoin: join,
  renewSession: renew,
  replaceTag: replace,
  setForeign,
  setOwned: setProperty,
  tellAll: tell,
};
