"""Gathers what `make bench` measured into one JSON file, and prints it as a table.

    report.py FOLDER bench.json [--write docs/performance.md]

FOLDER holds what the other scripts left there: `python.json` of pytest-benchmark,
`criterion/` and one JSON object per script. A figure that is named here and was not
measured is an error, and so is one that was measured and is not named.
"""

import argparse
import json
import os
import platform
import re
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

SCALES = {"MB/s": 1e-6, "ms": 1e3, "µs": 1e6, "ns": 1e9}
CALLS = "empty calls"
LIBRARIES = ("sapwood", "jsonpatch", "lxml", "pyweber", "selectolax", "turbohtml")


@dataclass(frozen=True, slots=True)
class Figure:
    """What is measured: its unit, the most it should be, its meaning."""

    unit: str
    goal: float | None
    meaning: str
    #: The goal is the least it should be.
    is_speed: bool = False


DOCUMENTS = ("article", "table", "deep")
ROWS = "of a table of 1,000 rows, with the frame"
FIGURES = {
    "cell_update_1k": Figure(CALLS, 25, "change a cell of 1,000 rows, encode the frame"),
    "cell_update_10k": Figure(CALLS, 25, "the same in 10,000 rows"),
    "cell_update_100k": Figure(CALLS, 25, "the same in 100,000 rows"),
    "cell_update_random_100k": Figure(CALLS, None, "the same, each time another cell"),
    "cell_update_growth": Figure("×", 1.5, "100,000 rows compared to 1,000"),
    "cell_update_template_diff_1k": Figure(CALLS, None, "the same by clone and TemplateDiff"),
    "cell_update_template_diff_10k": Figure(CALLS, None, "the same in 10,000 rows"),
    "cell_update_template_diff_100k": Figure(CALLS, None, "the same in 100,000 rows"),
    "empty_call_ns": Figure("ns", None, "an empty call into the core, the unit above"),
    "rows_every_10th_ms": Figure("ms", None, f"change every 10th row {ROWS}"),
    "rows_swap_ms": Figure("ms", None, f"swap two rows {ROWS}"),
    "rows_reverse_ms": Figure("ms", None, f"reverse the rows {ROWS}"),
    "rows_shuffle_ms": Figure("ms", None, f"shuffle the rows {ROWS}"),
    "rows_remove_ms": Figure("ms", None, f"remove a row {ROWS}"),
    "rows_append_1000_ms": Figure("ms", None, f"make and append 1,000 rows {ROWS}"),
    "rows_replace_all_ms": Figure("ms", None, f"make 1,000 rows and replace all {ROWS}"),
    "rows_clear_ms": Figure("ms", None, f"remove all rows {ROWS}"),
    "diff_strangers_10k": Figure("ms", None, "compare two trees of 10,000 rows, no shared history"),
    "parse_article_mb_s": Figure("MB/s", None, "parse an article of 100 KB, uuids included"),
    "parse_table_mb_s": Figure("MB/s", None, "parse a table of 1 MB, uuids included"),
    "parse_deep_mb_s": Figure("MB/s", None, "parse 10,540 nested elements, uuids included"),
    "parse_of_html5ever": Figure(
        "×", 0.9, "the core's parser compared to html5ever building nothing, the worst", True
    ),
    "render_article_mb_s": Figure("MB/s", None, "render the same article"),
    "render_table_mb_s": Figure("MB/s", None, "render the same table"),
    "render_deep_mb_s": Figure("MB/s", None, "render the same nested elements"),
    "query_id_us": Figure("µs", 1, "find the last of 1,000 rows by id"),
    "query_below_id_us": Figure("µs", None, "`#row9999 > .price` in a table of 1 MB"),
    "query_class_first_ms": Figure("ms", None, "`.price`, all 10,190, which nobody held yet"),
    "query_class_again_ms": Figure("ms", None, "the same again"),
    "query_class_changed_ms": Figure("ms", None, "the same after a change of the page"),
    "query_tag_first_ms": Figure("ms", None, "`td`, all 40,760, which nobody held yet"),
    "query_tag_again_ms": Figure("ms", None, "the same again"),
    "query_tag_changed_ms": Figure("ms", None, "the same after a change of the page"),
    "query_nth_child_first_ms": Figure("ms", None, "`tr:nth-child(2n)`, 5,095, held by nobody"),
    "query_nth_child_again_ms": Figure("ms", None, "the same again"),
    "query_nth_child_changed_ms": Figure("ms", None, "the same after a change of the page"),
    "query_has_first_ms": Figure("ms", None, "`tr:has(> .price)`, 10,190, held by nobody"),
    "query_has_again_ms": Figure("ms", None, "the same again"),
    "query_chain_first_ms": Figure("ms", None, "`tbody > tr td + .price`, 10,190, held by nobody"),
    "query_chain_again_ms": Figure("ms", None, "the same again"),
    "query_class_rare_first_ms": Figure("ms", None, "`.missing`, which nothing is"),
    "query_class_rare_again_ms": Figure("ms", None, "the same again"),
    "query_tag_rare_first_ms": Figure("ms", None, "`tbody`, just one"),
    "query_tag_rare_again_ms": Figure("ms", None, "the same again"),
    "new_session_us": Figure("µs", None, "a new template from cached HTML of 1,000 rows"),
    "fork_us": Figure("µs", None, "a new version of its tree"),
    "clone_bytes": Figure("bytes", 4096, "memory of a clone of 1,000 rows with a change"),
    "clone_own_page_bytes": Figure("bytes", None, "of it, pages of nodes"),
    "node_bytes": Figure("bytes", None, "memory of a node, text and attributes included"),
    "shapes_count": Figure("", None, "shapes of documents, edits and queries that are compared"),
    "shapes_worst_ratio": Figure("×", 2.5, "time of 2n compared to n, the worst of these shapes"),
    "session_bytes": Figure("bytes", 8192, "memory of one of 1,000 tabs above a bare socket"),
    "soak_events_per_s": Figure("/s", None, "clicks that 1,000 tabs get handled", True),
    "soak_event_cpu_us": Figure("µs", None, "server CPU of each"),
    "soak_event_cpu_ratio": Figure("×", 2, "the same compared to a bare echo, by as many at once"),
    "slow_reader_bytes": Figure("bytes", 262144, "memory of a browser that reads 1 byte/s"),
    "slow_reader_alone_p99_ms": Figure("ms", None, "1,000 updates/s reach a browser, p99"),
    "slow_reader_delay_p50": Figure("×", 1.5, "the same beside 20 that read 1 byte/s, median"),
    "slow_reader_delay_p99": Figure("×", None, "the same, p99"),
    "orphan_slope_bytes": Figure("bytes", 100, "memory lost for a page that nobody joins"),
    "stamp_bytes_raw": Figure("bytes", 14, "what a uuid adds to the HTML, per element"),
    "stamp_bytes_gzip": Figure("bytes", 5, "the same compressed"),
    "client_gzip_bytes": Figure("bytes", 6144, "the script that each page loads, gzip -9"),
    "bytes_counter_up": Figure("bytes", 12, "a click, to the server"),
    "bytes_counter_up_all": Figure("bytes", None, "the same with later acknowledgements"),
    "bytes_counter_down": Figure("bytes", 24, "a counter's patch, to the browser"),
    "bytes_cell_down": Figure("bytes", 30, "the patch of one cell of 1,000 rows"),
    "bytes_delete_down": Figure("bytes", 30, "the patch of a row deleted"),
    "bytes_move_down": Figure("bytes", 30, "the patch of a row moved"),
    "bytes_insert_down": Figure("bytes", 90, "the patch of a row of four cells inserted"),
    "click_to_dom_ms_counter": Figure("ms", 2, "click to changed page in Chromium, counter"),
    "click_to_dom_ms_table": Figure("ms", 2.5, "the same, one cell of 1,000 rows"),
    "event_cpu_ratio": Figure("×", 2, "server CPU of a click compared to a bare echo"),
    "event_cpu_thread_ratio": Figure("×", 2, "the same, compared to an echo out of a thread"),
    "event_cpu_async_ratio": Figure("×", 2, "the same, the handler a coroutine, to a bare echo"),
    "event_cpu_us": Figure("µs", None, "server CPU of a click"),
    "event_cpu_async_us": Figure("µs", None, "the same, the handler a coroutine"),
    "echo_cpu_us": Figure("µs", None, "server CPU of a bare echo"),
    "echo_thread_cpu_us": Figure("µs", None, "server CPU of an echo out of a thread"),
    "core_query_id_ns": Figure("ns", None, "without Python: `#row9999` in a table of 1 MB"),
    "core_query_below_id_ns": Figure("ns", None, "without Python: `#row9999 > .price`"),
    "core_query_class_us": Figure("µs", None, "without Python: `.price`, 10,190 of them"),
    "core_query_class_rare_us": Figure("µs", None, "without Python: `.missing`, none"),
    "core_query_tag_us": Figure("µs", None, "without Python: `td`, 40,760 of them"),
    "core_query_nth_child_us": Figure("µs", None, "without Python: `tr:nth-child(2n)`"),
    "core_query_has_us": Figure("µs", None, "without Python: `tr:has(> .price)`"),
    "core_query_chain_us": Figure("µs", None, "without Python: `tbody > tr td + .price`"),
    "core_query_compile_us": Figure("µs", None, "without Python: compile a selector"),
    **{
        f"core_{what}_{document}_mb_s": Figure("MB/s", None, f"without Python: {meaning}")
        for document in DOCUMENTS
        for what, meaning in (
            ("parse", f"parse the {document}"),
            ("stamped", "the same, with uuids given"),
            ("render", f"render the {document}"),
            ("render_uuids", "the same, with uuids"),
        )
    },
    "core_fork_ns": Figure("ns", None, "without Python: a new version"),
    "core_cell_update_1k_ns": Figure("ns", None, "without Python: change a cell, cut, acknowledge"),
    "core_cell_update_10k_ns": Figure("ns", None, "the same in 10,000 rows"),
    "core_cell_update_100k_ns": Figure("ns", None, "the same in 100,000 rows"),
    "core_cell_update_random_100k_ns": Figure("ns", None, "the same, each time another cell"),
    "core_insert_us": Figure("µs", None, f"without Python: insert a row {ROWS}"),
    "core_remove_us": Figure("µs", None, f"without Python: remove a row {ROWS}"),
    "core_move_us": Figure("µs", None, f"without Python: move a row {ROWS}"),
    "core_reverse_us": Figure("µs", None, f"without Python: reverse the rows {ROWS}"),
    "core_diff_strangers_ms": Figure("ms", None, "without Python: compare strangers"),
}
# Criterion's names, and what they are called here.
CORE = {
    "query/id": ("core_query_id_ns", "sapwood"),
    "query/below_id": ("core_query_below_id_ns", "sapwood"),
    "query/class": ("core_query_class_us", "sapwood"),
    "query/class_rare": ("core_query_class_rare_us", "sapwood"),
    "query/tag": ("core_query_tag_us", "sapwood"),
    "query/nth_child": ("core_query_nth_child_us", "sapwood"),
    "query/has": ("core_query_has_us", "sapwood"),
    "query/chain": ("core_query_chain_us", "sapwood"),
    "query/compile": ("core_query_compile_us", "sapwood"),
    **{
        f"{group}_{document}/{bench}": (f"core_{figure}_{document}_mb_s", who)
        for document in DOCUMENTS
        for group, bench, figure, who in (
            ("parse", "sapwood", "parse", "sapwood"),
            ("parse", "html5ever", "parse", "html5ever"),
            ("parse", "stamped", "stamped", "sapwood"),
            ("render", "plain", "render", "sapwood"),
            ("render", "with_uuids", "render_uuids", "sapwood"),
        )
    },
    "fork": ("core_fork_ns", "sapwood"),
    "cell_update/1000": ("core_cell_update_1k_ns", "sapwood"),
    "cell_update/10000": ("core_cell_update_10k_ns", "sapwood"),
    "cell_update/100000": ("core_cell_update_100k_ns", "sapwood"),
    "cell_update_random": ("core_cell_update_random_100k_ns", "sapwood"),
    "rows/insert": ("core_insert_us", "sapwood"),
    "rows/remove": ("core_remove_us", "sapwood"),
    "rows/move": ("core_move_us", "sapwood"),
    "rows/reverse": ("core_reverse_us", "sapwood"),
    "diff_strangers_10k": ("core_diff_strangers_ms", "sapwood"),
}
Values = dict[str, dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Gather what `make bench` measured.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--write", type=Path, metavar="FILE", help="refresh the table in FILE")
    options = parser.parse_args()
    values = gather(options.folder)
    options.out.write_text(json.dumps(as_json(values), indent=2, ensure_ascii=False) + "\n")
    markdown = as_markdown(values)
    print(markdown)
    if options.write:
        refresh(options.write, markdown)


def gather(folder: Path) -> Values:
    """Return all figures: by name, then by whose it is."""
    values: Values = {}
    of_python(json.loads((folder / "python.json").read_text()), values)
    of_core(folder / "criterion", values)
    for name in ("memory", "shapes", "socket_bytes", "event_cpu", "soak", "slow_reader"):
        for figure, value in json.loads((folder / f"{name}.json").read_text()).items():
            values[figure] = {"sapwood": value}
    cells = [values[f"cell_update_{size}"]["sapwood"] for size in ("1k", "100k")]
    values["cell_update_growth"] = {"sapwood": cells[1] / cells[0]}
    compared = []
    for document in DOCUMENTS:
        parsers = values[f"core_parse_{document}_mb_s"]
        compared.append(parsers["sapwood"] / parsers["html5ever"])
        # The same bytes in the same run, outside of Python.
        values[f"parse_{document}_mb_s"]["html5ever alone"] = parsers["html5ever"]
    values["parse_of_html5ever"] = {"sapwood": min(compared)}
    if unlike := values.keys() ^ FIGURES.keys():
        sys.exit(f"measured but not named, or named but not measured: {', '.join(sorted(unlike))}")
    return values


def of_python(results: dict[str, Any], values: Values) -> None:
    calls_s = []
    for result in results["benchmarks"]:
        info, median_s = result["extra_info"], result["stats"]["median"]
        if info["unit"] == CALLS:
            calls_s.append(info["call_s"])
            value = (median_s / info["amount"] - info["loop_s"]) / info["call_s"]
        else:
            value = scaled(info["unit"], median_s, info["amount"])
        values.setdefault(info["figure"], {})[info["who"]] = value
    values["empty_call_ns"] = {"sapwood": sorted(calls_s)[len(calls_s) // 2] * 1e9}


def of_core(folder: Path, values: Values) -> None:
    for name, (figure, who) in CORE.items():
        new = folder / name / "new"
        median_ns = json.loads((new / "estimates.json").read_text())["median"]["point_estimate"]
        throughput = json.loads((new / "benchmark.json").read_text())["throughput"]
        amount = throughput["Bytes"] if throughput else 1
        value = scaled(FIGURES[figure].unit, median_ns * 1e-9, amount)
        values.setdefault(figure, {})[who] = value


def scaled(unit: str, time_s: float, amount: float) -> float:
    per = amount / time_s if unit == "MB/s" else time_s / amount
    return per * SCALES[unit]


def as_json(values: Values) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, figure in FIGURES.items():
        peers = {who: value for who, value in values[name].items() if who != "sapwood"}
        figures[name] = {
            "value": values[name]["sapwood"],
            "unit": figure.unit,
            "goal": figure.goal,
            "peers": peers,
        }
    figures["machine"] = {"value": machine(), "unit": None, "goal": None, "peers": {}}
    return figures


def as_markdown(values: Values) -> str:
    lines = [
        f"On {machine()}.",
        "",
        "| figure | what it is | Sapwood | goal | others |",
        "|---|---|--:|--:|---|",
    ]
    for name, figure in FIGURES.items():
        own = values[name]["sapwood"]
        others = ", ".join(
            f"{who} {number(value)}" for who, value in values[name].items() if who != "sapwood"
        )
        goal = goal_of(figure, own) if figure.goal is not None else ""
        cells = [f"`{name}`", figure.meaning, f"{number(own)} {figure.unit}", goal, others]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def goal_of(figure: Figure, value: float) -> str:
    is_met = value >= figure.goal if figure.is_speed else value <= figure.goal
    return f"{'≥' if figure.is_speed else '≤'} {figure.goal:g}{'' if is_met else ' (missed)'}"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def machine() -> str:
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {libraries}"
    )


def refresh(file: Path, markdown: str) -> None:
    """Put the table between the two marks in *file*."""
    begin, end = "<!-- figures -->", "<!-- end of figures -->"
    before, _, rest = file.read_text().partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        sys.exit(f"{file} has no {begin} … {end} to write to")
    file.write_text(f"{before}{begin}\n{markdown}\n{end}{after}")


if __name__ == "__main__":
    main()
