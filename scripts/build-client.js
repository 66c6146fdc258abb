// Bundles the client's modules into the one file that pages load.
//
// esbuild joins them and shortens the names of members that only they use; terser
// then makes smaller what it can. The result is kept in git, and `make test` fails
// if it is not what this makes of the modules beside it.
//
//     npm run build [-- --outfile=FILE]
import { writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { mkdir } from "node:fs/promises";
import { build } from "esbuild";
import { minify } from "terser";

const FOLDER = "python/sapwood/client";
const BANNER = "/* Sapwood, MIT */\n";

// Members of our own objects: neither a name of the DOM's nor a key on the wire may be here.
const MEMBERS = `
apply children connect count cursor document done edit element fail field focused
forget holds idPrefix insert inside isFixed isMoved last left namespace next node notify old parent
place position properties range refill report restart restoring show skip socket state
string tag uuid wake
`;

const option = process.argv.find((argument) => argument.startsWith("--outfile="));
const outfile = option?.slice("--outfile=".length) ?? `${FOLDER}/sapwood.min.js`;

const bundle = await build({
  entryPoints: [`${FOLDER}/index.js`],
  bundle: true,
  write: false,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  tsconfigRaw: {},
  minify: true,
  mangleProps: new RegExp(`^(${MEMBERS.trim().split(/\s+/).join("|")})$`),
});
const { code } = await minify(bundle.outputFiles[0].text, {
  ecma: 2022,
  toplevel: true,
  compress: { passes: 3, toplevel: true },
});
await mkdir(dirname(outfile), { recursive: true });
await writeFile(outfile, `${BANNER}${code}\n`);
