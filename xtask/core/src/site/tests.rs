//! A site made of a few documents, looked at as a whole.

use std::collections::BTreeMap;

use super::*;

fn documents() -> Vec<(PathBuf, String)> {
    [
        ("README.md", "# Start\n\nSee [a guide](docs/guides/b.md#more), [code](src/x.rs), [a folder](src/), [out](https://e.org).\n\n![picture](docs/p.svg)\n"),
        ("CHANGELOG.md", "# Changes\n"),
        ("backend/README.md", "# Backend\n"),
        ("docs/guides/b.md", "# Beta <b>\n\n## More\n\n[back](../../README.md) and [here](#more) </script>\n\n## Less\n"),
        ("docs/guides/a.md", "# Alpha\n\n[data](../schemas/s.json)\n"),
        ("docs/own/x.md", "# A folder of its own\n"),
        ("docs/how.md", "# How\n"),
    ]
    .map(|(path, text)| (PathBuf::from(path), text.to_owned()))
    .to_vec()
}

const SCHEMA: &str = r##"{"$schema": "x", "title": "A `file`", "description": "Of <one>.", "required": ["a"],
    "properties": {"a": {"$ref": "#/$defs/part", "description": "The `a`."}},
    "$defs": {"part": {"type": "object", "properties": {"b": {"type": "integer"}}}}}"##;

const CONTRACT: &str = r##"{"openapi": "3.1.0", "info": {"title": "Shop", "version": "2", "description": "One.\n\nTwo."},
    "paths": {"/v1/x/{id}": {"get": {"summary": "Get <it>", "parameters": [{"name": "id", "in": "path", "required": true,
    "schema": {"type": "string"}, "description": "Which."}], "responses": {"200": {"description": "Fine",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/X"}}}}}}}},
    "components": {"schemas": {"X": {"enum": ["a", "b"]}}}}"##;

fn site(documents: &[(PathBuf, String)]) -> BTreeMap<String, String> {
    let data = [("docs/schemas/s.json", SCHEMA), ("docs/api/shop.json", CONTRACT)]
        .map(|(path, text)| (PathBuf::from(path), text.to_owned()));
    let read = |path: &Path| match path.to_str()? {
        "src/x.rs" => Some(b"fn x() -> Vec<u8> {}\n".to_vec()),
        "docs/p.svg" => Some(b"<svg/>".to_vec()),
        _ => None,
    };
    let interface = Interface {
        title: "thing".to_owned(),
        address: "api/thing/index.html".to_owned(),
        pages: vec![("api/thing/index.html".to_owned(), "thing - Rust".to_owned())],
    };
    let sources = Sources {
        name: "Shop & co",
        folder: Path::new("docs"),
        documents,
        data: &data,
        interfaces: &[interface],
        read: &read,
    };
    render(&sources).into_iter().map(|file| (file.address, file.text)).collect()
}

#[test]
fn a_page_stands_where_its_source_does() {
    let site = site(&documents());
    let addresses: Vec<&str> = site.keys().map(String::as_str).collect();
    assert_eq!(
        addresses,
        [
            "CHANGELOG.html",
            "api/shop.html",
            "api/shop.json",
            "backend/README.html",
            "files/src/x.rs.html",
            "guides/a.html",
            "guides/b.html",
            "how.html",
            "index.html",
            "own/x.html",
            "schemas/s.html",
            "schemas/s.json",
            "search.html",
        ]
    );
}

#[test]
fn no_link_of_a_page_is_dead() {
    let site = site(&documents());
    let pages =
        site.iter().filter(|(address, _)| Path::new(address).extension().is_some_and(|one| one == "html"));
    let pages = pages.map(|(address, html)| (PathBuf::from(address), built::read(html))).collect();
    let there = |path: &Path| path == Path::new("api/thing/index.html");
    let (count, findings) = built::check(&pages, &there, Path::new("site"));
    assert!(count > 100 && findings.is_empty(), "{count} {findings:#?}");
}

#[test]
fn links_are_those_of_the_site() {
    let site = site(&documents());
    for (address, words) in [
        ("index.html", "<a href=\"guides/b.html#more\">a guide</a>"),
        ("index.html", "<a href=\"files/src/x.rs.html\">code</a>, a folder, <a href=\"https://e.org\">"),
        ("index.html", "<img src=\"data:image/svg+xml;base64,PHN2Zy8+\" alt=\"picture\""),
        ("guides/b.html", "<a href=\"../index.html\">back</a> and <a href=\"#more\">here</a>"),
        ("guides/a.html", "<a href=\"../schemas/s.html\">data</a>"),
        ("files/src/x.rs.html", "<code>fn x() -&gt; Vec&lt;u8&gt; {}"),
        (
            "guides/b.html",
            "<li><a href=\"a.html\">Alpha</a></li>\n<li><a href=\"b.html\" aria-current=\"page\">Beta &lt;b&gt;</a>",
        ),
    ] {
        assert!(site[address].contains(words), "{words}\n{}", site[address]);
    }
}

#[test]
fn groups_follow_from_the_folders() {
    let site = site(&documents());
    let navigation = site["index.html"].split_once("<nav class=\"pages\"").unwrap().1;
    let mut said = Vec::new();
    for piece in navigation.split('<') {
        match piece.split_once('>') {
            Some(("p", title)) => said.push(format!("{title}:")),
            Some((tag, title)) if tag.starts_with("a ") => said.push(title.to_owned()),
            _ => {}
        }
    }
    assert_eq!(
        said.join(" | "),
        "Start: | Start | Changes | Backend | Guides: | Alpha | Beta &lt;b&gt; | Reference: | A file | \
         How it works: | How | own: | A folder of its own | Interfaces: | Shop: HTTP | thing"
    );
}

#[test]
fn a_contract_and_a_schema_are_references() {
    let site = site(&documents());
    for words in [
        "<h2 id=\"get-v1xid\"><span class=\"verb\">GET</span> <code>/v1/x/{id}</code></h2>",
        "<strong>Get &lt;it&gt;</strong>",
        "<td><code>id</code></td><td>path</td><td>string</td><td><span class=\"must\">required</span></td><td>Which.</td>",
        "<td><code>200</code></td><td>Fine</td><td><a href=\"#schema-X\">X</a> <small>application/json</small></td>",
        "<h2 id=\"schema-X\">X</h2>\n<p><code>a</code> or <code>b</code></p>",
    ] {
        assert!(site["api/shop.html"].contains(words), "{words}\n{}", site["api/shop.html"]);
    }
    let words = "<td><code>a</code></td><td><a href=\"#schema-part\">part</a></td><td><span class=\"must\">required</span></td><td>The <code>a</code>.</td>";
    assert!(site["schemas/s.html"].contains(words), "{}", site["schemas/s.html"]);
    assert!(site["schemas/s.html"].contains("Of &lt;one&gt;."));
}

#[test]
fn what_can_be_found_is_data_that_cannot_end_its_block() {
    let site = site(&documents());
    let search = &site["search.html"];
    let data = search.split_once("id=\"index\">").unwrap().1.split_once("</script>").unwrap().0;
    let entries: Vec<[String; 4]> = serde_json::from_str(data).unwrap();
    let find = |address: &str| entries.iter().find(|entry| entry[0] == address);
    assert_eq!(find("guides/b.html#more").unwrap()[2..], ["More", "back and here </script>"]);
    assert_eq!(find("api/shop.html#get-v1xid").unwrap()[2], "GET /v1/x/{id}");
    assert_eq!(find("api/thing/index.html").unwrap()[1..], ["thing - Rust", "", "thing"]);
    assert_eq!(search.matches("</script>").count(), 3);
}

#[test]
fn what_is_no_data_is_shown_as_it_stands() {
    let data = [(PathBuf::from("docs/x/broken.json"), "{ <b>".to_owned())];
    let sources = Sources {
        name: "s",
        folder: Path::new("docs"),
        documents: &[],
        data: &data,
        interfaces: &[],
        read: &|_| None,
    };
    let files = render(&sources);
    assert!(files[0].text.contains("<pre><code>{ &lt;b&gt;</code></pre>"), "{}", files[0].text);
}

#[test]
fn what_others_have_made_leads_back() {
    let back = |html: &str| with_way_back(Path::new("api/a/b.html"), html);
    let page = back("<html><body class=\"x\"><p>");
    assert!(page.starts_with("<html><body class=\"x\"><a href=\"../../index.html\" style="), "{page}");
    assert!(page.ends_with(">All documentation</a><p>"));
    assert_eq!(back("<html>"), "<html>");
}
