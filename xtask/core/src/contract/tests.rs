//! What a client asks for, what it must not, and what a change of a contract breaks.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::*;

const DOCUMENT: &str = r##"{
  "openapi": "3.1.0",
  "paths": {
    "/v1/nodes": {
      "get": {
        "parameters": [
          { "name": "kind", "in": "query", "schema": { "anyOf": [{ "$ref": "#/components/schemas/Kind" }, { "type": "null" }] } },
          { "name": "limit", "in": "query", "required": true, "schema": { "type": "integer", "maximum": 100 } }
        ],
        "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Page" } } } } }
      },
      "post": {
        "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Node" } }, "text/csv": {} } },
        "responses": { "204": {} }
      }
    },
    "/v1/nodes/{node_id}": {
      "get": {
        "parameters": [{ "name": "node_id", "in": "path", "required": true, "schema": { "type": "string" } }],
        "responses": { "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Node" } } } } }
      }
    }
  },
  "components": {
    "schemas": {
      "Kind": { "type": "string", "enum": ["food", "nutrient"] },
      "Node": {
        "type": "object",
        "required": ["id", "kind", "weight"],
        "properties": {
          "id": { "type": "string" },
          "kind": { "$ref": "#/components/schemas/Kind" },
          "weight": { "type": "number" },
          "note": { "type": "string" }
        }
      },
      "Page": {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
          "items": { "type": "array", "items": { "$ref": "#/components/schemas/Node" } },
          "next": { "anyOf": [{ "type": "string" }, { "type": "null" }] }
        }
      }
    }
  }
}
"##;

const CLIENT: &str = "
export const KINDS = ['food', 'nutrient'] as const;
export type Kind = (typeof KINDS)[number];
export interface Node {
  readonly id: string;
  readonly kind: Kind;
  readonly weight: number;
  /** May be missing. */
  readonly note?: string;
}
interface Page { readonly items: readonly Node[]; readonly next: string | null }
export function createClient(apiUrl: string): Client {
  const base = `${apiUrl}/v1`;
  return {
    list: ({ kind, limit }, signal) => get<Page>(`${base}/nodes${query({ kind, limit: String(limit) })}`, signal),
    few: () => get<Page>(`${base}/nodes?limit=5`),
    node: (id) => get<Node>(`${base}/nodes/${encodeURIComponent(id)}`),
    own: () => get<{ readonly apiUrl: string }>('/config.json'),
  };
}
async function get<Value>(url: string): Promise<Value> {}
";

fn file(text: &str) -> TextFile<'_> {
    TextFile { path: Path::new("api.json"), text }
}

fn lines(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place = finding.location.as_ref().unwrap();
        writeln!(text, "{place} {}: {}", finding.rule, finding.message).unwrap();
    }
    text
}

fn used(client: &str, document: &str) -> String {
    let client = super::client(&[TextFile { path: Path::new("c.ts"), text: client }], "apiUrl");
    lines(&usage(&client, &Document::read(file(document)).unwrap()))
}

#[test]
fn requests_are_read_with_their_parameters() {
    let client = super::client(&[TextFile { path: Path::new("c.ts"), text: CLIENT }], "apiUrl");
    let shown = |request: &Request| {
        format!("{} {} {:?} {}", request.method, request.path, request.query, request.location)
    };
    let requests: Vec<String> = client.requests.iter().map(shown).collect();
    assert_eq!(
        requests,
        [
            "GET /v1/nodes [\"kind\", \"limit\"] c.ts:15:50",
            "GET /v1/nodes [\"limit\"] c.ts:16:26",
            "GET /v1/nodes/{} [] c.ts:17:29",
        ]
    );
}

const WRITER: &str = "
interface Draft { readonly id: string; readonly kind: 'food' | 'nutrient'; readonly weight: number; readonly note?: string }
export const writer = (apiUrl: string) => ({
  typed: (draft) => post<void, Draft>(`${apiUrl}/v1/nodes`, draft),
  written: (id, weight) => post<void>(`${apiUrl}/v1/nodes`, { id, kind: 'food', weight, note: [1, {a: 2}].join(',') }, signal),
});
";

#[test]
fn what_a_client_sends_has_to_be_taken() {
    assert_eq!(used(WRITER, DOCUMENT), "");
    table(
        WRITER,
        &|client| used(client, DOCUMENT),
        &[
            ("readonly weight: number", "readonly weight: string"),
            ("readonly weight: number; ", ""),
            ("readonly weight: number", "readonly weight?: number"),
            ("'food' | 'nutrient'", "'food' | 'drink'"),
            ("kind: 'food' | 'nutrient'", "kind: string"),
            ("note?", "notes?"),
            ("weight, note:", "wieght, note:"),
            ("{ id, kind: 'food', weight,", "{ ...draft,"),
            ("post<void>(`${apiUrl}/v1/nodes`, {", "post<void>(`${apiUrl}/v1/nodes`, draft, {"),
            ("post<void, Draft>(`${apiUrl}/v1/nodes`, draft)", "post<void>(`${apiUrl}/v1/nodes`)"),
            (
                "post<void, Draft>(`${apiUrl}/v1/nodes`, draft)",
                "get<Node, Draft>(`${apiUrl}/v1/nodes/${id}`, draft)",
            ),
            ("post<void, Draft>", "post<void, Draft[]>"),
        ],
        &expect![[r#"
            readonly weight: number → readonly weight: string
              c.ts:2:85 type: `weight` may be a text, and the contract takes a number
            readonly weight: number;  → 
              c.ts:4:61 missing-field: the body of `POST /v1/nodes` needs the field `weight`
            readonly weight: number → readonly weight?: number
              c.ts:4:61 missing-field: the body of `POST /v1/nodes` needs the field `weight`
            'food' | 'nutrient' → 'food' | 'drink'
              c.ts:2:49 unknown-value: `kind` may be `drink`, and the contract takes `food`, `nutrient`
            kind: 'food' | 'nutrient' → kind: string
              c.ts:2:49 unknown-value: `kind` may be any text, and the contract takes `food`, `nutrient`
            note? → notes?
              c.ts:2:110 unknown-field: the contract has no field `notes`; there is `note`
            weight, note: → wieght, note:
              c.ts:5:61 missing-field: the body of `POST /v1/nodes` needs the field `weight`
              c.ts:5:81 unknown-field: the contract has no field `wieght`; there is `weight`
            { id, kind: 'food', weight, → { ...draft,
            post<void>(`${apiUrl}/v1/nodes`, { → post<void>(`${apiUrl}/v1/nodes`, draft, {
            post<void, Draft>(`${apiUrl}/v1/nodes`, draft) → post<void>(`${apiUrl}/v1/nodes`)
            post<void, Draft>(`${apiUrl}/v1/nodes`, draft) → get<Node, Draft>(`${apiUrl}/v1/nodes/${id}`, draft)
              c.ts:4:66 unknown-body: `GET /v1/nodes/{}` takes no body
            post<void, Draft> → post<void, Draft[]>
              c.ts:4:63 type: the body of `POST /v1/nodes` may be a list, and the contract takes an object
        "#]],
    );
    let required = DOCUMENT.replace("\"requestBody\": {", "\"requestBody\": { \"required\": true,");
    let silent =
        WRITER.replace("post<void, Draft>(`${apiUrl}/v1/nodes`, draft)", "post<void>(`${apiUrl}/v1/nodes`)");
    assert_eq!(
        used(&silent, &required),
        "c.ts:4:32 missing-body: `POST /v1/nodes` needs a body, and is sent none\n"
    );
}

/// Replaces pieces one at a time and shows what is found.
fn table(text: &str, found: &dyn Fn(&str) -> String, changes: &[(&str, &str)], expected: &Expect) {
    let mut all = String::new();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        let found = found(&text.replacen(from, to, 1));
        write!(all, "{from} → {to}\n{}", indented(&found)).unwrap();
    }
    expected.assert_eq(&all);
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

#[test]
fn what_a_client_uses_has_to_be_there() {
    assert_eq!(used(CLIENT, DOCUMENT), "");
    table(
        CLIENT,
        &|client| used(client, DOCUMENT),
        &[
            ("/nodes/${", "/node/${"),
            ("get<Node>", "put<Node>"),
            ("{ kind, limit:", "{ kin, limit:"),
            ("kind, limit: String(limit)", "kind"),
            ("readonly id:", "readonly ident:"),
            ("weight: number", "weight: string"),
            ("note?: string", "note: string"),
            ("string | null", "string"),
            ("'food', 'nutrient'", "'food'"),
            ("readonly items: readonly Node[]", "readonly items: readonly string[]"),
            ("id: string", "id: 'a' | 'b'"),
        ],
        &expect![[r#"
            /nodes/${ → /node/${
              c.ts:17:29 unknown-path: the contract has no path `/v1/node/{}`
            get<Node> → put<Node>
              c.ts:17:29 unknown-method: `/v1/nodes/{}` is not asked with PUT
            { kind, limit: → { kin, limit:
              c.ts:15:50 unknown-parameter: `GET /v1/nodes` has no parameter `kin`
            kind, limit: String(limit) → kind
              c.ts:15:50 missing-parameter: `GET /v1/nodes` needs the parameter `limit`
            readonly id: → readonly ident:
              c.ts:5:12 unknown-field: the contract has no field `ident`; there is `id`
            weight: number → weight: string
              c.ts:7:12 type: `weight` may be a number, and is taken for a text
            note?: string → note: string
              c.ts:9:12 optional-field: `note` may be missing, and is taken to be there
            string | null → string
              c.ts:11:60 type: `next` may be null, and is taken for a text
            'food', 'nutrient' → 'food'
              c.ts:6:12 unknown-value: `kind` may be `nutrient`, which is not known here
            readonly items: readonly Node[] → readonly items: readonly string[]
              c.ts:11:27 type: an item of `items` may be an object, and is taken for a text
            id: string → id: 'a' | 'b'
              c.ts:5:12 unknown-value: `id` may be any text, and is taken for one of a list
        "#]],
    );
}

#[test]
fn a_field_that_is_gone_is_found_where_it_is_used() {
    let without = DOCUMENT.replace("\"note\": { \"type\": \"string\" }", "\"other\": {}");
    assert_eq!(used(CLIENT, &without), "c.ts:9:12 unknown-field: the contract has no field `note`\n");
}

#[test]
fn changes_that_break_released_clients_are_found() {
    let change = |now: &str| {
        let (old, new) = (Document::read(file(DOCUMENT)).unwrap(), Document::read(file(now)).unwrap());
        lines(&breaking(&old, &new))
    };
    assert_eq!(change(DOCUMENT), "");
    table(
        DOCUMENT,
        &change,
        &[
            ("\"/v1/nodes/{node_id}\"", "\"/v1/nodes/{node_id}/all\""),
            ("\"post\"", "\"put\""),
            ("\"name\": \"kind\"", "\"name\": \"sort\""),
            (
                "\"in\": \"query\", \"schema\": { \"anyOf\"",
                "\"in\": \"query\", \"required\": true, \"schema\": { \"anyOf\"",
            ),
            (", { \"type\": \"null\" }", ""),
            ("\"maximum\": 100", "\"maximum\": 50"),
            ("\"maximum\": 100", "\"maximum\": 100, \"minimum\": 1"),
            ("\"type\": \"integer\"", "\"type\": \"string\""),
            (", \"text/csv\": {}", ""),
            ("\"requestBody\": {", "\"requestBody\": { \"required\": true,"),
            ("[\"food\", \"nutrient\"]", "[\"food\"]"),
            ("[\"food\", \"nutrient\"]", "[\"food\", \"nutrient\", \"source\"]"),
            ("[\"items\", \"next\"]", "[\"items\"]"),
            ("\"weight\": { \"type\": \"number\" }", "\"weight\": { \"type\": [\"number\", \"null\"] }"),
            ("[\"id\", \"kind\", \"weight\"]", "[\"id\", \"kind\", \"weight\", \"note\"]"),
            ("\"next\": {", "\"after\": {"),
            ("{ \"$ref\": \"#/components/schemas/Page\" }", "{ \"type\": \"array\" }"),
        ],
        &expect![[r##"
            "/v1/nodes/{node_id}" → "/v1/nodes/{node_id}/all"
              api.json:3:3 removed-operation: `GET /v1/nodes/{node_id}` is gone
            "post" → "put"
              api.json:4:5 removed-operation: `POST /v1/nodes` is gone
            "name": "kind" → "name": "sort"
              api.json:6:9 removed-parameter: `GET /v1/nodes` has no parameter `kind` any more
            "in": "query", "schema": { "anyOf" → "in": "query", "required": true, "schema": { "anyOf"
              api.json:7:13 required-parameter: `GET /v1/nodes` needs the parameter `kind`, which could be left out
            , { "type": "null" } → 
              api.json:7:44 narrowed-type: the parameter `kind` of `GET /v1/nodes` must not be null any more
            "maximum": 100 → "maximum": 50
              api.json:8:63 narrowed-type: the parameter `limit` of `GET /v1/nodes` has the `maximum` 50, which was 100
            "maximum": 100 → "maximum": 100, "minimum": 1
              api.json:8:63 narrowed-type: the parameter `limit` of `GET /v1/nodes` has the `minimum` 1, where there was none
            "type": "integer" → "type": "string"
              api.json:8:63 narrowed-type: the parameter `limit` of `GET /v1/nodes` must not be a number any more
            , "text/csv": {} → 
              api.json:13:26 removed-type: `POST /v1/nodes` takes no `text/csv` any more
            "requestBody": { → "requestBody": { "required": true,
              api.json:13:9 required-body: `POST /v1/nodes` needs a body
            ["food", "nutrient"] → ["food"]
              api.json:7:44 narrowed-type: the parameter `kind` of `GET /v1/nodes` must not be `nutrient` any more
              api.json:13:61 narrowed-type: the field `kind` of the body of `POST /v1/nodes` must not be `nutrient` any more
            ["food", "nutrient"] → ["food", "nutrient", "source"]
              api.json:26:7 changed-type: the field `kind` of an item of the field `items` of the answer of `GET /v1/nodes` may be `source` now
              api.json:26:7 changed-type: the field `kind` of the answer of `GET /v1/nodes/{node_id}` may be `source` now
            ["items", "next"] → ["items"]
              api.json:42:11 optional-field: the field `next` of the answer of `GET /v1/nodes` may be missing now
            "weight": { "type": "number" } → "weight": { "type": ["number", "null"] }
              api.json:33:11 changed-type: the field `weight` of an item of the field `items` of the answer of `GET /v1/nodes` may be null now
              api.json:33:11 changed-type: the field `weight` of the answer of `GET /v1/nodes/{node_id}` may be null now
            ["id", "kind", "weight"] → ["id", "kind", "weight", "note"]
              api.json:13:61 required-field: the body of `POST /v1/nodes` needs the field `note`, which could be left out
            "next": { → "after": {
              api.json:40:9 removed-field: the answer of `GET /v1/nodes` has no field `next` any more
            { "$ref": "#/components/schemas/Page" } → { "type": "array" }
              api.json:10:68 changed-type: the answer of `GET /v1/nodes` may be a list now
        "##]],
    );
    // What only adds breaks nobody.
    for (from, to) in [
        ("\"maximum\": 100", "\"maximum\": 200"),
        ("\"name\": \"node_id\"", "\"name\": \"id\""),
        ("\"id\": { \"type\"", "\"more\": { \"type\": \"string\" }, \"id\": { \"type\""),
        ("\"required\": true, \"schema\": { \"type\": \"integer\"", "\"schema\": { \"type\": \"integer\""),
        ("{ \"type\": \"string\" }, { \"type\": \"null\" }", "{ \"type\": \"string\" }"),
    ] {
        assert!(DOCUMENT.contains(from), "{from}");
        assert_eq!(change(&DOCUMENT.replacen(from, to, 1)), "", "{to}");
    }
}

#[test]
fn a_document_that_is_not_current_says_where() {
    let found = |made: &str| lines(&currency(file(DOCUMENT), made, "make it anew"));
    assert_eq!(found(DOCUMENT), "");
    assert_eq!(found(&DOCUMENT.replace("  ", "")), "");
    expect![[r#"
        api.json:8:94 stale-document: the provider makes another document than the committed one: they differ at `paths./v1/nodes.get.parameters.1.schema.maximum`
    "#]].assert_eq(&found(&DOCUMENT.replace("\"maximum\": 100", "\"maximum\": 99")));
    assert_eq!(found("<html>"), "api.json unreadable: what the provider makes is no JSON\n");
}

#[test]
fn what_is_no_document_is_said() {
    for (text, expected) in [
        ("", "api.json:1 unreadable"),
        ("{\n]", "api.json:2 unreadable"),
        ("[]", "api.json:1 unreadable"),
        ("{\"openapi\": \"3.1.0\"}", "api.json:1 unreadable"),
    ] {
        let finding = Document::read(file(text)).unwrap_err();
        assert!(lines(&[*finding]).starts_with(expected), "{text}");
    }
}

#[test]
fn nothing_that_can_be_read_makes_it_fail() {
    let document = Document::read(file(DOCUMENT)).unwrap();
    for (at, _) in CLIENT.char_indices() {
        for part in [&CLIENT[..at], &CLIENT[at..]] {
            let client = super::client(&[TextFile { path: Path::new("c.ts"), text: part }], "apiUrl");
            drop(usage(&client, &document));
        }
    }
    // Schemas that refer to themselves.
    let looping = DOCUMENT.replace("{ \"type\": \"number\" }", "{ \"$ref\": \"#/components/schemas/Node\" }");
    let looping = looping.replace(
        "\"enum\": [\"food\", \"nutrient\"]",
        "\"anyOf\": [{ \"$ref\": \"#/components/schemas/Kind\" }]",
    );
    let looping = Document::read(file(&looping)).unwrap();
    drop(breaking(&document, &looping));
    drop(breaking(&looping, &document));
    drop(breaking(&looping, &looping));
}
