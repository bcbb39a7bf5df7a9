//! Pages as programs really write them: of the backend, by prometheus-client 0.26.0, in both formats.

use std::time::Duration;

use super::*;

const TEXT: &str = include_str!("../../../../testdata/release/metrics.txt");
const OPEN_METRICS: &str = include_str!("../../../../testdata/release/metrics.openmetrics.txt");
const WITHOUT_REQUESTS: &str = include_str!("../../../../testdata/release/metrics-without-requests.txt");

fn errors() -> Probe {
    Probe::Ratio {
        bad: "http_requests_total{status=~\"5xx\"}".parse().unwrap(),
        total: "http_requests_total".parse().unwrap(),
    }
}

fn slower_than(milliseconds: u64, labels: &str) -> Probe {
    let histogram = format!("http_request_duration_seconds{labels}").parse().unwrap();
    Probe::Latency { histogram, at_most: Duration::from_millis(milliseconds) }
}

#[test]
fn both_formats_of_a_page_say_the_same() {
    for (page, more) in [(TEXT, 0), (OPEN_METRICS, 1)] {
        let page = parse(page.as_bytes()).unwrap();
        assert_eq!(page.skipped(), 0);
        let table = [
            (errors(), Counts::new(4, 48)),
            (slower_than(100, ""), Counts::new(22 + more, 48 + more)),
            (slower_than(250, "{route=\"/nutrients/{id}\"}"), Counts::new(0, 40 + more)),
            (slower_than(250, "{method=\"POST\"}"), Counts::new(7, 7)),
        ];
        for (probe, expected) in table {
            assert_eq!(probe.read(&page), Ok(expected), "{probe:?}");
        }
        let memory = page.total(&Selector::new("process_resident_memory_bytes")).unwrap();
        assert!((1e6..1e9).contains(&memory), "a gauge is summed like a counter");
    }
    let page = parse(TEXT.as_bytes()).unwrap();
    let odd = Selector::new("http_requests_total").and("route", Match::Equals("/search \"a\\b\"\n".into()));
    assert_eq!(page.total(&odd), Ok(7.0));
}

/// A program that nobody has asked anything yet has counted nothing, and is not unmeasured.
#[test]
fn a_page_without_requests_counts_zero() {
    let page = parse(WITHOUT_REQUESTS.as_bytes()).unwrap();
    assert_eq!(errors().read(&page), Ok(Counts::default()));
    assert_eq!(slower_than(250, "").read(&page), Ok(Counts::default()));
    let other = Selector::new("http_responses_total");
    assert_eq!(page.total(&other), Err(Unmeasured::Absent { metric: "http_responses_total".into() }));
}

/// The bound of an objective has to be one of the buckets; the error names those there are.
#[test]
fn a_bound_between_two_buckets_is_unmeasured() {
    let page = parse(TEXT.as_bytes()).unwrap();
    let error = slower_than(300, "").read(&page).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "the histogram `http_request_duration_seconds` has no bucket `0.3`; it has `0.005`, "
        )
    );
}

/// Cut anywhere but at the end of a line, a page is refused: what is missing would look like a counter that dropped.
#[test]
fn a_page_that_is_cut_off_is_refused() {
    for end in (0..TEXT.len()).step_by(7) {
        let is_whole = TEXT[..end].ends_with('\n') && TEXT[..end].contains("# TYPE");
        assert_eq!(parse(&TEXT.as_bytes()[..end]).is_ok(), is_whole, "cut at {end}");
    }
}
