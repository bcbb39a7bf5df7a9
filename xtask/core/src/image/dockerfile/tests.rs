//! Tables of Dockerfiles: bases, places, and what is wrong with them.

use super::*;

fn parse(text: &str) -> Result<Dockerfile, Vec<Diagnostic>> {
    Dockerfile::parse(Path::new("Dockerfile"), text)
}

fn bases(text: &str, given: &[(&str, &str)]) -> Vec<(String, String)> {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let bases = parse(text).unwrap().bases(&given).unwrap();
    bases.into_iter().map(|base| (base.image, text[base.span].to_owned())).collect()
}

#[test]
fn bases_are_followed_to_where_they_are_written() {
    let text = "\
# syntax=docker/dockerfile:1
ARG VERSION=3.11
ARG BASE=python:${VERSION}-slim
ARG OTHER=\"${BASE}\"
FROM --platform=$BUILDPLATFORM ${OTHER} AS Build
RUN --mount=type=bind,from=tools:1,target=/t true
FROM build AS next
COPY --from=nginx:1 /a /b
COPY --from=0 /a /b
FROM scratch
COPY --from=next /a /a
FROM ${BASE}
";
    assert_eq!(
        bases(text, &[]),
        [
            ("python:3.11-slim".to_owned(), "python:${VERSION}-slim".to_owned()),
            ("tools:1".to_owned(), "tools:1".to_owned()),
            ("nginx:1".to_owned(), "nginx:1".to_owned()),
        ]
    );
    assert_eq!(bases(text, &[("VERSION", "3.12")])[0].0, "python:3.12-slim");
    assert_eq!(
        bases(text, &[("BASE", "mine:1")])[0],
        ("mine:1".to_owned(), "python:${VERSION}-slim".to_owned())
    );
    // What is not declared is not filled in.
    assert_eq!(bases("FROM a", &[("A", "b")])[0].0, "a");
}

#[test]
fn a_stage_may_stand_for_a_base() {
    let text =
        "ARG PREVIOUS=none\nFROM a AS none\nFROM ${PREVIOUS} AS previous\nFROM a\nCOPY --from=previous / /\n";
    let a = || ("a".to_owned(), "a".to_owned());
    assert_eq!(bases(text, &[]), [a(), a()]);
    assert_eq!(bases(text, &[("PREVIOUS", "b@sha256:0")])[1].0, "b@sha256:0");
}

#[test]
fn a_base_that_is_written_twice_gets_its_digest_twice() {
    let text = "ARG B=x:1\nFROM x:1 AS a\nFROM ${B} AS b\nFROM ${B}\nCOPY --from=x:1 / /\n";
    let bases = parse(text).unwrap().bases(&BTreeMap::new()).unwrap();
    // The argument is written once, however often it is used.
    let arguments: Vec<_> = bases.iter().map(|base| base.argument.as_deref()).collect();
    assert_eq!(arguments, [None, Some("B"), None]);
    let names: Vec<_> = bases.into_iter().map(|base| (base.span, "x:1@d".to_owned())).collect();
    let pinned = "ARG B=x:1@d\nFROM x:1@d AS a\nFROM ${B} AS b\nFROM ${B}\nCOPY --from=x:1@d / /\n";
    assert_eq!(with_bases(text, &names), pinned);
}

#[test]
fn variables_are_filled_in_as_docker_does() {
    for (word, expected) in [
        ("${A}", Ok("a")),
        ("$A-x", Ok("a-x")),
        ("${E:-d}", Ok("d")),
        ("${E-d}", Ok("")),
        ("${N:-${A}x}", Ok("ax")),
        ("${A:+y}", Ok("y")),
        ("${N:+y}z", Ok("z")),
        (r"\$A", Ok("$A")),
        ("${N}", Err("the argument `N` has no value")),
        ("${A", Err("`${A` is not closed")),
        ("$-", Err("`$` is no variable")),
    ] {
        let value = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "E" => Some(String::new()),
            _ => None,
        };
        let found = variable::expand(word, &value);
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{word}");
    }
}

#[test]
fn lines_are_continued_commented_and_quoted() {
    let text = "\
# escape=`
FROM a `
  # a comment
  AS `

  b
RUN <<EOF cat
FROM not-this
EOF
COPY <<-'X' <<Y /d
\tX
FROM nor-this
Y
USER 'a b' c`
d
";
    let file = parse(text).unwrap();
    assert_eq!(file.stages.len(), 1);
    let stage = file.stages.last().unwrap();
    assert_eq!(stage.name.as_deref(), Some("b"));
    let keywords: Vec<&str> = stage.instructions.iter().map(|one| one.keyword.as_str()).collect();
    assert_eq!(keywords, ["RUN", "COPY", "USER"]);
    let words: Vec<String> =
        stage.instructions[2].flags_and_words().1.into_iter().map(|(word, _)| word).collect();
    assert_eq!(words, ["'a b'", "c", "d"]);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, position, message) in [
        ("", (1, 1), "there is no `FROM`"),
        ("# a\n", (1, 1), "there is no `FROM`"),
        ("FORM a", (1, 1), "`FORM` is no instruction"),
        ("RUN a\nFROM b", (1, 1), "`RUN` before the first `FROM`"),
        ("FROM", (1, 1), "`FROM` is followed by an image and perhaps `AS name`"),
        ("\nFROM a b", (2, 1), "`FROM` is followed by an image and perhaps `AS name`"),
        ("FROM --x a", (1, 6), "`FROM` has no flag `--x`"),
        ("ARG 1=2\nFROM a", (1, 5), "`1` is no name of an argument"),
        ("FROM a\nRUN <<E\nx", (2, 1), "the here-document does not end: there is no line `E`"),
    ] {
        let problems = parse(text).unwrap_err();
        assert_eq!((problems[0].position(), problems[0].message.as_str()), (position, message), "{text:?}");
    }
    let open =
        parse("ARG A\nFROM x:${A}\nFROM ${B}\nFROM ${C:-}").unwrap().bases(&BTreeMap::new()).unwrap_err();
    let said: Vec<_> = open.iter().map(|problem| (problem.position(), problem.message.as_str())).collect();
    assert_eq!(
        said,
        [
            ((2, 6), "the argument `A` has no value"),
            ((3, 6), "the argument `B` has no value"),
            ((4, 6), "no image is named here"),
        ]
    );
    let circle = parse("ARG A=${B}\nARG B=${A}\nFROM ${A}").unwrap().bases(&BTreeMap::new());
    assert!(circle.unwrap_err()[0].message.contains("stands for itself"));
}

#[test]
fn no_text_brings_the_reader_down() {
    let whole =
        "# escape=`\nARG A=\"x\nFROM ${A:-$B} AS ü\nRUN --mount=from=a <<-E 'b`\n\tE\nCOPY --from= \\\n";
    for (end, _) in whole.char_indices() {
        for text in [&whole[..end], &whole[end..]] {
            if let Ok(file) = parse(text) {
                drop(file.bases(&BTreeMap::new()));
            }
        }
    }
}

#[test]
fn names_are_replaced_where_they_stand() {
    let text = "ARG A=one:1\nFROM ${A}\nFROM two";
    let file = parse(text).unwrap();
    let bases = file.bases(&BTreeMap::new()).unwrap();
    let names: Vec<_> = bases.iter().map(|base| (base.span.clone(), format!("{}@d", base.image))).collect();
    assert_eq!(with_bases(text, &names), "ARG A=one:1@d\nFROM ${A}\nFROM two@d");
    assert!(parse("FROM a\nRUN --mount=type=secret,id=x true").unwrap().needs_mounts().is_some());
}
