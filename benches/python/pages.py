"""The pages that are measured; `benches/rust/core.rs` has the same."""

import sapwood as sw

ROWS_OF_1_MB = 10_190
SECTIONS_OF_100_KB = 173
LEVELS_OF_400_KB = 10_540

Table = list[list[str]]


def data(rows: int, first: int = 0) -> Table:
    """Return a table's cells: number, name, price, note."""
    return [[str(i), f"name {i}", "42.50", "in stock"] for i in range(first, first + rows)]


def html(rows: int) -> str:
    """Return a page with a table of so many rows of four cells."""
    body = "".join(
        f'<tr id="row{i}"><td>{number}</td><td>{name}</td><td class="price">{price}</td>'
        f"<td>{note}</td></tr>"
        for i, (number, name, price, note) in enumerate(data(rows))
    )
    return (
        "<!DOCTYPE html><html><head><title>Table</title></head>"
        f'<body><table><tbody id="rows">{body}</tbody></table></body></html>'
    )


def article(sections: int) -> str:
    """Return prose: headings, paragraphs with formatting and links, lists, references."""
    body = "".join(
        f'<h2 id="s{i}">Section {i} &amp; more</h2>\n<p class="lead">Of <em>all</em> that is said '
        f'in part {i}, <a href="/parts/{i}?a=1&amp;b=2" title="To part {i}">this</a> is the '
        "shortest; whoever wants to know <strong>more</strong> reads on, and who does not, "
        "does&nbsp;not. Cafés are “open”.</p>\n<!-- a remark -->\n"
        '<ul>\n<li>One thing, <code>x &lt; y</code></li>\n<li>Another <img src="/i.png" '
        'alt="image" width=16 height=16></li>\n</ul>\n<p>And so on for a line or two, without '
        "anything that needs a tag, since most of a page is that: just words that follow each "
        "other until they end.</p>\n"
        for i in range(sections)
    )
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Article</title></head>'
        f"<body>{body}</body></html>"
    )


def deep(levels: int) -> str:
    """Return elements inside each other, with a text at each level."""
    return (
        "<!DOCTYPE html><html><head><title>Deep</title></head><body>"
        + "".join(f'<span class="level">level {i} ' for i in range(levels))
        + "</span>" * levels
        + "</body></html>"
    )


def row(cells: list[str]) -> sw.Element:
    """Make one more row out of Python."""
    return sw.Element("tr", [sw.Element("td", cell) for cell in cells])
