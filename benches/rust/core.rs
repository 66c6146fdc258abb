//! Measures the core without Python, in front of html5ever building nothing.
//!
//! The pages are those of `benches/python/pages.py`, so that figures of both can be
//! laid side by side. What an operation leaves behind is dropped outside the clock
//! except where it says otherwise.

mod html5ever_alone;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sapwood::diff::diff;
use sapwood::node::{Kind, NodeId};
use sapwood::parse::{Budget, parse_document};
use sapwood::render::{RenderOptions, render_document};
use sapwood::select::Selector;
use sapwood::sync::{Events, Sync};
use sapwood::tree::{ROOT, Tree};
use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

/// As many rows as make a page of 1 MB.
const ROWS_OF_1_MB: usize = 10_190;

fn html_of_table(rows: usize) -> String {
    let mut html = String::from(
        "<!DOCTYPE html><html><head><title>Table</title></head>\
         <body><table><tbody id=\"rows\">",
    );
    for row in 0..rows {
        write!(
            html,
            "<tr id=\"row{row}\"><td>{row}</td><td>name {row}</td>\
             <td class=\"price\">42.50</td><td>in stock</td></tr>"
        )
        .expect("strings take all that is written");
    }
    html.push_str("</tbody></table></body></html>");
    html
}

/// Prose: headings, paragraphs with formatting and links, lists, references.
fn html_of_article(sections: usize) -> String {
    let mut html = String::from(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <title>Article</title></head><body>",
    );
    for i in 0..sections {
        write!(
            html,
            "<h2 id=\"s{i}\">Section {i} &amp; more</h2>\n<p class=\"lead\">Of <em>all</em> \
             that is said in part {i}, <a href=\"/parts/{i}?a=1&amp;b=2\" \
             title=\"To part {i}\">this</a> is the shortest; whoever wants to know \
             <strong>more</strong> reads on, and who does not, does&nbsp;not. \
             Caf\u{e9}s are \u{201c}open\u{201d}.</p>\n<!-- a remark -->\n\
             <ul>\n<li>One thing, <code>x &lt; y</code></li>\n\
             <li>Another <img src=\"/i.png\" alt=\"image\" width=16 height=16></li>\n</ul>\n\
             <p>And so on for a line or two, without anything that needs a tag, since most \
             of a page is that: just words that follow each other until they end.</p>\n"
        )
        .expect("strings take all that is written");
    }
    html.push_str("</body></html>");
    html
}

/// Elements inside each other, with a text at each level.
fn html_of_depth(levels: usize) -> String {
    let mut html = String::from("<!DOCTYPE html><html><head><title>Deep</title></head><body>");
    for i in 0..levels {
        write!(html, "<span class=\"level\">level {i} ").expect("strings take all");
    }
    html.push_str(&"</span>".repeat(levels));
    html.push_str("</body></html>");
    html
}

fn parsed(html: &str) -> Tree {
    let budget = Budget {
        depth: usize::MAX,
        ..Budget::default()
    };
    parse_document(html, &budget).expect("the page keeps the budget")
}

fn table(rows: usize) -> Tree {
    let mut tree = parsed(&html_of_table(rows));
    tree.stamp_all();
    tree
}

fn find(tree: &Tree, selector: &str) -> NodeId {
    let selector = Selector::parse(selector).expect("the selector is one");
    selector.first(tree, ROOT).expect("the page has it")
}

/// The documents that are parsed and rendered, by name.
fn documents() -> [(&'static str, String); 3] {
    [
        ("article", html_of_article(173)),
        ("table", html_of_table(ROWS_OF_1_MB)),
        ("deep", html_of_depth(10_540)),
    ]
}

fn parse(criterion: &mut Criterion) {
    for (name, html) in documents() {
        let mut group = criterion.benchmark_group(format!("parse_{name}"));
        group.sample_size(30);
        group.throughput(Throughput::Bytes(html.len() as u64));
        // Both with the drop of what was parsed.
        group.bench_function("sapwood", |bencher| bencher.iter(|| parsed(&html)));
        group.bench_function("stamped", |bencher| {
            bencher.iter(|| {
                let mut tree = parsed(&html);
                tree.stamp_all();
                tree
            });
        });
        group.bench_function("html5ever", |bencher| {
            bencher.iter(|| html5ever_alone::parse(&html));
        });
    }
}

fn render(criterion: &mut Criterion) {
    for (name, html) in documents() {
        let mut tree = parsed(&html);
        tree.stamp_all();
        let mut group = criterion.benchmark_group(format!("render_{name}"));
        group.throughput(Throughput::Bytes(html.len() as u64));
        group.bench_function("plain", |bencher| {
            bencher.iter(|| render_document(&tree, RenderOptions::default()));
        });
        group.bench_function("with_uuids", |bencher| {
            let options = RenderOptions {
                uuids: true,
                ..RenderOptions::default()
            };
            bencher.iter(|| render_document(&tree, options));
        });
    }
}

fn fork(criterion: &mut Criterion) {
    let tree = table(1_000);
    criterion.bench_function("fork", |bencher| bencher.iter(|| black_box(&tree).clone()));
}

/// Queries of 1 MB: what is all over the page, what is rare, what is not there.
fn query(criterion: &mut Criterion) {
    let tree = table(ROWS_OF_1_MB);
    let mut group = criterion.benchmark_group("query");
    for (name, text, count) in [
        ("id", "#row9999", 1),
        ("below_id", "#row9999 > .price", 1),
        ("class", ".price", ROWS_OF_1_MB),
        ("class_rare", ".missing", 0),
        ("tag", "td", 4 * ROWS_OF_1_MB),
        ("nth_child", "tr:nth-child(2n)", ROWS_OF_1_MB / 2),
        ("has", "tr:has(> .price)", ROWS_OF_1_MB),
        ("chain", "tbody > tr td + .price", ROWS_OF_1_MB),
    ] {
        let selector = Selector::parse(text).expect("the selector is one");
        assert_eq!(selector.all(&tree, ROOT).len(), count, "{text}");
        group.bench_function(name, |bencher| bencher.iter(|| selector.all(&tree, ROOT)));
    }
    group.bench_function("compile", |bencher| {
        bencher.iter(|| Selector::parse("ul > li.item:not(:first-child) a[href]"));
    });
}

/// One text changed, the frame cut and acknowledged: all with its drops.
fn cell_update(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cell_update");
    for rows in [1_000, 10_000, 100_000] {
        let mut tree = table(rows);
        let cell = find(&tree, "#row500 td");
        let mut sync = Sync::new(tree.clone());
        let (mut number, mut text, mut frame) = (0, String::new(), String::new());
        group.bench_function(BenchmarkId::from_parameter(rows), |bencher| {
            bencher.iter(|| {
                number += 1;
                text.clear();
                write!(text, "{number}").expect("strings take all that is written");
                tree.set_text(cell, &text).expect("a cell takes a text");
                frame.clear();
                sync.cut(&tree, Events::default(), &mut frame);
                sync.acknowledge(sync.sequence());
                frame.len()
            });
        });
    }
}

/// The same, each time in another one of 1,000 cells that lie all over the page.
fn cell_update_random(criterion: &mut Criterion) {
    let mut tree = table(100_000);
    let prices = Selector::parse(".price").expect("the selector is one");
    let all = prices.all(&tree, ROOT);
    // Steps of a prime number of rows visit them in no order that a cache could follow.
    let cells: Vec<NodeId> = (0..1_000).map(|i| all[i * 61_027 % all.len()]).collect();
    let mut sync = Sync::new(tree.clone());
    let (mut number, mut frame) = (0, String::new());
    criterion.bench_function("cell_update_random", |bencher| {
        bencher.iter(|| {
            number += 1;
            let text = if (number / cells.len()).is_multiple_of(2) {
                "17.20"
            } else {
                "42.50"
            };
            let cell = cells[number % cells.len()];
            tree.set_text(cell, text).expect("a cell takes a text");
            frame.clear();
            sync.cut(&tree, Events::default(), &mut frame);
            sync.acknowledge(sync.sequence());
            frame.len()
        });
    });
}

/// Edits of a list of 1,000 rows, each from the same start, with the frame.
fn rows(criterion: &mut Criterion) {
    let start = table(1_000);
    let (list, row) = (find(&start, "#rows"), find(&start, "#row500"));
    let last = find(&start, "#row999");
    let mut group = criterion.benchmark_group("rows");
    let mut bench = |name: &str, edit: &dyn Fn(&mut Tree)| {
        group.bench_function(name, |bencher| {
            let setup = || (start.clone(), Sync::new(start.clone()));
            let run = |(mut tree, mut sync): (Tree, Sync)| {
                edit(&mut tree);
                let mut frame = String::new();
                sync.cut(&tree, Events::default(), &mut frame);
                (tree, sync, frame)
            };
            bencher.iter_batched(setup, run, BatchSize::SmallInput);
        });
    };
    bench("insert", &|tree| insert_row(tree, list, row));
    bench("remove", &|tree| tree.remove(row));
    bench("move", &|tree| {
        tree.insert(list, Some(row), last)
            .expect("rows are in the list");
    });
    bench("reverse", &|tree| {
        let rows = tree.child_elements(list);
        for pair in rows.windows(2) {
            tree.insert(list, Some(pair[0]), pair[1])
                .expect("rows are in the list");
        }
    });
}

fn insert_row(tree: &mut Tree, list: NodeId, before: NodeId) {
    let made = (|| {
        let row = tree.create_element(Kind::Html, "tr")?;
        for text in ["1000", "name 1000", "42.50", "in stock"] {
            let cell = tree.create_element(Kind::Html, "td")?;
            tree.set_text(cell, text)?;
            tree.append(row, cell)?;
        }
        tree.insert(list, Some(before), row)
    })();
    made.expect("a list takes another row");
}

/// Two trees of 10,000 rows with the same uuids that share nothing; one cell differs.
fn strangers(criterion: &mut Criterion) {
    let new = table(10_000);
    let options = RenderOptions {
        uuids: true,
        ..RenderOptions::default()
    };
    let mut old = parsed(&render_document(&new, options));
    old.stamp_all();
    let cell = find(&old, "#row500 td");
    old.set_text(cell, "was other")
        .expect("a cell takes a text");
    criterion.bench_function("diff_strangers_10k", |bencher| {
        bencher.iter(|| {
            let mut ops = Vec::new();
            diff(&old, &new, &mut ops);
            ops
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = parse, render, query, fork, cell_update, cell_update_random, rows, strangers
}
criterion_main!(benches);
