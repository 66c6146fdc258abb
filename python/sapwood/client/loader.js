// @ts-check
/** Loads the second bundle; if that fails the next who needs it tries again. */

/** @typedef {typeof import("./more.js").default} More */

/** Return what loads the module at *url*; it throws 404 if the server has it no more. @param {string} url
 * @param {(url: string) => Promise<More>} [load] which brings what it brought before again
 * @param {(url: string) => Promise<{ status: number }>} [ask] tells why not */
export function loader(url, load = async (url) => (await import(url)).default, ask = (url) => fetch(url)) {
  let failures = 0;
  // Browsers may remember under its address that a module could not be loaded.
  return () =>
    load(`${url}?${failures}`).catch(async (error) => {
      failures++;
      const { status } = await ask(url);
      throw status === 404 ? status : error;
    });
}
