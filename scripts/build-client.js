// Bundles the client's modules into the two files that pages load.
//
// Every page loads the first; the first imports the second when something rare
// happens (a new session, an error to show, no WebSocket). esbuild joins the modules
// and shortens the names of members that only they use, alike in both files; terser
// then makes smaller what it can. The results are kept in git, and `make test` fails
// if they are not what this makes of the modules beside them.
//
//     npm run build [-- --outdir=FOLDER]
import { mkdir, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { minify } from "terser";

const FOLDER = "python/sapwood/client";
const BANNER = "/* Sapwood, MIT */\n";

// Members of our own objects: neither a name of the DOM's nor a key on the wire may be
// here.
const MEMBERS = `
anew apply begin changed children connect control count createNamed cursor Delay depth
desync document edit edited element environment epoch field filled Filling findMatch flush
focused forget holds idle idPrefix insert insertFocused inside isDelayed isDone isFixed
isMoved isTold keep kept last left load lose named names namespace need needsMore next node
notify old parent pending place position properties range receive refill rejoin renewSession
replaceTag report restart restoring setForeign setOwned show socket state Stream string
survey tag tellAll told touch transmit typed unreported uuid wake wantsSync work
`;
const MANGLED = new RegExp(`^(${MEMBERS.trim().split(/\s+/).join("|")})$`);

/** Bundle one file; *names* are what members were shortened to before. Returns all such names. */
async function bundle({ entry, outfile, format, names }) {
  const { outputFiles, mangleCache } = await build({
    entryPoints: [`${FOLDER}/${entry}`],
    bundle: true,
    write: false,
    format,
    target: "es2022",
    charset: "utf8",
    tsconfigRaw: {},
    minify: true,
    mangleProps: MANGLED,
    mangleCache: names,
  });
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2022,
    toplevel: true,
    module: format === "esm",
    // Compresses better than what is shorter before.
    compress: { passes: 3, toplevel: true, inline: 1, sequences: false, pure_getters: true, unsafe_arrows: true, unsafe_methods: true },
  });
  await writeFile(outfile, `${BANNER}${code}\n`);
  return mangleCache;
}

const option = process.argv.find((argument) => argument.startsWith("--outdir="));
const outdir = option?.slice("--outdir=".length) ?? FOLDER;
await mkdir(outdir, { recursive: true });
const names = await bundle({ entry: "index.js", outfile: `${outdir}/sapwood.min.js`, format: "iife", names: {} });
await bundle({ entry: "more.js", outfile: `${outdir}/more.min.js`, format: "esm", names });
