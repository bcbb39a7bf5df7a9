//! The page around the chart.

use std::fmt::Write as _;

use super::{Picture, Tone, chart};
use crate::page::{self, escape};
use crate::release::narration::{Kind, offset};

/// The colours of releases and phases.
const STYLE: &str = include_str!("page.css");

/// The page.
pub(super) fn of(picture: &Picture<'_>) -> String {
    let mut html = String::new();
    // Writing into a String cannot fail.
    let _infallible = write(&mut html, picture);
    html
}

fn write(html: &mut String, picture: &Picture<'_>) -> std::fmt::Result {
    let Picture { title, outcome, tone, figures, recording, origin } = *picture;
    let (of, outcome) = (escape(title), escape(outcome));
    let tone = match tone {
        Tone::Good => "good",
        Tone::Back => "turned",
        Tone::Bad => "bad",
    };
    page::begin(html, title, STYLE)?;
    writeln!(html, "<header>\n<p class=\"of\">{of}</p>\n<h1 class=\"{tone}\">{outcome}</h1>\n<dl>")?;
    for (name, value) in figures {
        writeln!(html, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value))?;
    }
    writeln!(html, "</dl>\n</header>\n<figure>\n{}{LEGEND}</figure>", chart::of(recording))?;
    writeln!(html, "<table>\n<thead><tr><th>time</th><th>who</th><th>what</th></tr></thead>\n<tbody>")?;
    for line in &recording.lines {
        let mut words = line.words.iter().map(|words| escape(words));
        let first = words.next().unwrap_or_default();
        write!(
            html,
            "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{first}",
            class(line.kind),
            offset(line.at),
            escape(&line.subject)
        )?;
        for more in words {
            write!(html, "<small>{more}</small>")?;
        }
        writeln!(html, "</td></tr>")?;
    }
    writeln!(html, "</tbody>\n</table>")?;
    page::end(html, origin)
}

/// What the colours mean.
const LEGEND: &str = "<figcaption><span class=\"key old\"></span>old release <span class=\"key new\"></span>new release \
                      <span class=\"key stand\"></span>ready, without requests <span class=\"key lost\"></span>nobody \
                      answers <span class=\"key goal\"></span>objective</figcaption>\n";

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Step => "step",
        Kind::Change => "change",
        Kind::Evidence => "evidence",
        Kind::Wait => "wait",
        Kind::Question => "question",
        Kind::Back => "back",
        Kind::End => "end",
        Kind::Next => "next",
        Kind::Event => "event",
    }
}
