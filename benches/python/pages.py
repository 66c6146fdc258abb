"""The pages that are measured; `benches/rust/core.rs` has the same."""

import sapwood as sw

ROWS_OF_1_MB = 10_190

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


def row(cells: list[str]) -> sw.Element:
    """Make one more row out of Python."""
    return sw.Element("tr", [sw.Element("td", cell) for cell in cells])
