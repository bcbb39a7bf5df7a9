//! Reading, keeping and showing benchmarks: tables of cases and golden texts.

use expect_test::{expect, expect_file};

use super::document::{self, BEGIN, END, Suite, block, replaced};
use super::history::{self, Line, Machine, Origin, lines, moved, runs};
use super::{Figure, Unit, plot, ratios, read, shown, table};

fn origin(at: &str) -> Origin {
    Origin {
        at: at.to_owned(),
        commit: Some("0123456789abcdef".to_owned()),
        modified: false,
        machine: Machine {
            system: "linux x86_64".to_owned(),
            processor: "Fast <CPU> 1".to_owned(),
            cores: 2,
        },
    }
}

fn ms(case: &str, side: &str, value: f64) -> Figure {
    Figure::measured(case, side, value, Unit::Milliseconds)
}

/// Ours, a peer that is slower, one that is quicker, one that is not there; and a case that nobody else was asked for.
fn figures(slower: f64) -> Vec<Figure> {
    vec![
        ms("2 packages | cold", "xtask", 108.0),
        ms("2 packages | cold", "turbo", slower),
        ms("2 packages | cold", "ninja", 29.04),
        ms("50 packages", "xtask", 26.04),
        Figure::absent("50 packages", "turbo", "`turbo` is not on PATH"),
        ms("50 packages", "ninja", 12_345.6),
        Figure::measured("memory", "xtask", 11_722_752.0, Unit::Bytes),
    ]
}

fn nights() -> Vec<Figure> {
    vec![Figure::measured("nights", "xtask", 2257.4, Unit::PerSecond)]
}

const SUITES: [Suite<'_>; 3] = [
    Suite { name: "cache", title: "Runs, beside <others>" },
    Suite { name: "never", title: "Never run" },
    Suite { name: "nights", title: "Nights" },
];

fn kept() -> Vec<Line> {
    let mut kept = lines("cache", &origin("2026-11-20T10:00:00Z"), &figures(700.0));
    kept.extend(lines("nights", &origin("2026-11-21T10:00:00Z"), &nights()));
    kept.extend(lines("cache", &origin("2026-11-29T10:00:00Z"), &figures(938.0)));
    kept
}

#[test]
fn what_a_benchmark_writes_is_read_whole_or_not_at_all() {
    let written = shown(&figures(938.0), true).unwrap();
    assert_eq!(read(&format!("\n{written}\n")).unwrap(), figures(938.0));
    let good = r#"{"case":"a","side":"x","value":1,"unit":"ms"}"#;
    for (second, problem) in [
        ("| a | b |", "line 2 is no figure: expected value"),
        (r#"{"case":"a","side":"y","value":1}"#, "line 2 is no figure: data did not match any variant"),
        (r#"{"case":"a","side":"y","value":1,"unit":"hours"}"#, "line 2 is no figure: data did not match"),
        (r#"{"case":"a","side":"y","value":-1,"unit":"ms"}"#, "`value` must be a number of at least 0"),
        (r#"{"case":" ","side":"y","value":1,"unit":"ms"}"#, "`case` and `side` must not be empty"),
        (r#"{"case":"a","side":"y","value":1,"unit":"1/s"}"#, "the sides of `a` have different units"),
        (good, "`x` has said this of `a` before"),
    ] {
        let error = read(&format!("{good}\n{second}\n")).unwrap_err();
        assert!(error.contains(problem), "{second}: {error}");
    }
    assert_eq!(read("\n").unwrap_err(), "there is no figure");
    let cases: Vec<Figure> = (0..=500).map(|case| ms(&case.to_string(), "x", 1.0)).collect();
    let many = shown(&cases, true).unwrap();
    assert_eq!(read(&many).unwrap_err(), "there are more than 500 figures");
}

#[test]
fn a_ratio_says_how_many_times_better_ours_is() {
    let rounded = |figures: &[Figure]| -> Vec<Option<f64>> {
        ratios(figures).iter().map(|ratio| ratio.map(|ratio| (ratio * 100.0).round() / 100.0)).collect()
    };
    assert_eq!(rounded(&figures(938.0)), [None, Some(8.69), Some(0.27), None, None, Some(474.1), None]);
    let rate = |side: &str, value| Figure::measured("rate", side, value, Unit::PerSecond);
    assert_eq!(rounded(&[rate("xtask", 200.0), rate("other", 100.0)]), [None, Some(2.0)]);
    // What takes no time cannot be compared with.
    assert_eq!(rounded(&[ms("a", "xtask", 0.0), ms("a", "other", 1.0)]), [None, None]);
    // Where ours is not there, nothing is compared, and least of all the peers with each other.
    let absent = Figure::absent("a", "xtask", "no");
    assert_eq!(rounded(&[absent, ms("a", "one", 1.0), ms("a", "two", 2.0)]), [None, None, None]);
}

#[test]
fn a_table_has_a_row_for_each_case_and_says_who_is_not_there() {
    expect![[r#"
        | case | xtask | turbo | ninja |
        |---|---|---|---|
        | 2 packages \| cold | 108 ms | 938 ms, 8.69 × | 29.0 ms, 0.27 × |
        | 50 packages | 26.0 ms | not there | 12.3 s, 474.10 × |
        | memory | 11.1 MiB |  |  |
    "#]]
    .assert_eq(&table::markdown(&figures(938.0)));
    assert_eq!(shown(&nights(), false).unwrap(), "| case | xtask |\n|---|---|\n| nights | 2257 a second |\n");
}

#[test]
fn the_history_has_a_line_for_each_figure_and_is_read_again() {
    let kept = kept();
    let text: String = kept.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
    assert_eq!(history::read(&text).unwrap(), kept);
    expect![[r#"{"format":1,"suite":"cache","at":"2026-11-20T10:00:00Z","commit":"0123456789abcdef","modified":false,"machine":{"system":"linux x86_64","processor":"Fast <CPU> 1","cores":2},"case":"2 packages | cold","side":"turbo","value":700.0,"unit":"ms","ratio":6.481}"#]]
    .assert_eq(text.lines().nth(1).unwrap());
    assert!(text.lines().nth(4).unwrap().ends_with(r#""side":"turbo","absent":"`turbo` is not on PATH"}"#));
    let of = |suite| runs(&kept, suite).iter().map(|run| run.figures.len()).collect::<Vec<_>>();
    assert_eq!((of("cache"), of("nights"), of("never")), (vec![7, 7], vec![1], vec![]));
    // Two runs of the same second are two.
    assert_eq!(runs(&[&kept[..7], &kept[..7]].concat(), "cache").len(), 2);
    for (from, to, problem) in [
        ("\"format\":1", "\"format\":2", "line 1 has format 2, and only 1 is known"),
        ("\"suite\":", "\"suit\":", "line 1: missing field `suite`"),
        ("{", "", "line 1: "),
    ] {
        let error = history::read(&text.replacen(from, to, 1)).unwrap_err();
        assert!(error.starts_with(problem), "{error}");
    }
}

#[test]
fn what_has_moved_since_another_run_is_said() {
    let kept = kept();
    let runs = runs(&kept, "cache");
    let [before, now] = &runs[..] else { panic!("two runs") };
    assert_eq!(moved(before, now, 0.1), ["2 packages | cold: 8.69 × of `turbo`, and 6.48 × on 2026-11-20"]);
    assert_eq!(moved(before, now, 0.5), Vec::<String>::new());
    let mut elsewhere = before.clone();
    elsewhere.origin.machine.cores = 64;
    assert!(moved(&elsewhere, now, 0.1)[0].ends_with("on 2026-11-20, on another machine"));
}

#[test]
fn a_document_gets_the_last_figures_of_each_benchmark() {
    let block = block(&SUITES, &kept(), "images/benchmarks.svg");
    expect_file!["testdata/block.txt"].assert_eq(&block);
}

#[test]
fn what_stands_around_the_two_lines_stays() {
    let before = format!("# Title\n\ntext\n{BEGIN}\nold\n\nold\n{END}\n\nmore\n");
    let once = replaced(&before, "new\n").unwrap();
    assert_eq!(once, format!("# Title\n\ntext\n{BEGIN}\n\nnew\n\n{END}\n\nmore\n"));
    assert_eq!(replaced(&once, "new\n").unwrap(), once);
    // The last line of a document may have no end; a line may be indented, and one that only names the words is another one.
    let text = format!("say `{BEGIN}`\n  {BEGIN}\n{END}");
    assert_eq!(replaced(&text, "new").unwrap(), format!("say `{BEGIN}`\n  {BEGIN}\n\nnew\n\n{END}"));
    for (text, problem) in [
        (String::new(), "it has no line `<!-- begin bench -->`"),
        (format!("a\n{END}\n"), "it has no line `<!-- begin bench -->`"),
        (format!("a\n{BEGIN}\n"), "it has no line `<!-- end bench -->`"),
        (format!("{BEGIN}\n{BEGIN}\n{END}\n"), "line 2 is a second `<!-- begin bench -->`"),
        (format!("{BEGIN}\n{END}\na\n{END}\n"), "line 4 is a second `<!-- end bench -->`"),
        (
            format!("a\n{END}\n{BEGIN}\n"),
            "`<!-- end bench -->` stands in line 2, before `<!-- begin bench -->` in line 3",
        ),
    ] {
        assert_eq!(document::replaced(&text, "new").unwrap_err(), problem, "{text:?}");
    }
}

#[test]
fn a_picture_has_a_dot_for_each_run_and_nothing_that_is_no_text() {
    let svg = plot::svg(&SUITES, &kept());
    expect_file!["testdata/plot.svg"].assert_eq(&svg);
    assert_eq!(svg.matches("<circle").count(), 6);
    roxmltree::Document::parse(&svg).unwrap();
    // Nothing was measured: a picture all the same, and no place that is no number.
    let empty = plot::svg(&SUITES, &[]);
    roxmltree::Document::parse(&empty).unwrap();
    let hostile = [ms("<script>", "xtask", 1.0), ms("<script>", "\u{202e}\x1b[31mx", 1e300)];
    let hostile = plot::svg(&SUITES, &lines("cache", &origin("2026-11-20T10:00:00Z"), &hostile));
    roxmltree::Document::parse(&hostile).unwrap();
    for bad in ["<script", "\u{202e}", "\x1b", "NaN", "inf"] {
        assert!(!hostile.contains(bad) && !empty.contains(bad), "{bad}\n{hostile}");
    }
}
