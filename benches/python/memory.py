"""Measures memory and sizes: of a clone, a node, a stamp, and the client."""

import gzip
import subprocess
import sys
from pathlib import Path

import msgspec
import pages
from servers import rss_bytes

import sapwood as sw
from sapwood import _core

CLIENT = Path(sw.__file__).parent / "client" / "sapwood.min.js"


def main() -> None:
    out, clones = Path(sys.argv[1]), 100 if "--smoke" in sys.argv else 10_000
    figures = clone(clones) | node() | stamp() | client()
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures)))


def clone(count: int) -> dict[str, float]:
    """Clone a page of 1,000 rows so often, and change one cell in each clone."""
    template = sw.Template(pages.html(1000))
    kept = [changed(template) for _ in range(10)]
    before = rss_bytes()
    kept += [changed(template) for _ in range(count)]
    after = rss_bytes()
    _, own = kept[-1]._tree.own_pages()
    return {"clone_bytes": (after - before) / count, "clone_own_page_bytes": own}


def changed(template: sw.Template) -> sw.Template:
    copy = template.clone
    copy.querySelector("#row500 td").content = "was changed"
    return copy


def node() -> dict[str, float]:
    """Look at what a node of a page of 10,000 rows takes, its text and attributes included."""
    tree = _core.Tree.parse(pages.html(10_000), sw.Element)
    _, own = tree.own_pages()
    return {"node_bytes": own / len(tree)}


def stamp() -> dict[str, float]:
    """Compare a page of 1,000 rows with uuids to the same without."""
    template = sw.Template(pages.html(1000))
    plain = template._tree.render(uuids=False).encode()
    stamped = template._tree.render(uuids=True).encode()
    elements = sum(1 for _ in template.walk())
    zipped = [len(gzip.compress(page, 6)) for page in (plain, stamped)]
    return {
        "stamp_bytes_raw": (len(stamped) - len(plain)) / elements,
        "stamp_bytes_gzip": (zipped[1] - zipped[0]) / elements,
    }


def client() -> dict[str, float]:
    with CLIENT.open("rb") as code:
        zipped = subprocess.run(["gzip", "-9"], stdin=code, capture_output=True, check=True).stdout
    return {"client_gzip_bytes": len(zipped)}


if __name__ == "__main__":
    main()
