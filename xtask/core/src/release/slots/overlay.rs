//! Laying one manifest over another: what the upper one names changes, the rest stays.

use serde_json::{Map, Value};

use crate::diagnostic::Diagnostic;
use crate::release::manifest::{self, Manifest};
use crate::suggest;

/// The lists whose items have a name, and what that name is called. The keys are those of the patch strategies in the types
/// of Kubernetes; other lists are replaced as a whole.
const NAMED: [(&str, &str); 12] = [
    ("containers", "name"),
    ("initContainers", "name"),
    ("ephemeralContainers", "name"),
    ("env", "name"),
    ("volumes", "name"),
    ("imagePullSecrets", "name"),
    ("resourceClaims", "name"),
    ("volumeMounts", "mountPath"),
    ("volumeDevices", "devicePath"),
    ("ports", "containerPort"),
    ("hostAliases", "ip"),
    ("topologySpreadConstraints", "topologyKey"),
];

/// Lays `overlay` over `object`. `null` takes a key away. Returns a problem for what would make no sense: a container that is
/// neither there nor complete, and directives such as `$patch`, which are not understood here.
pub(super) fn lay(object: &mut Value, overlay: &Manifest) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    merge(object, &overlay.object, "", overlay, &mut problems);
    problems
}

fn merge(
    object: &mut Value,
    over: &Value,
    pointer: &str,
    overlay: &Manifest,
    problems: &mut Vec<Diagnostic>,
) {
    let Value::Object(entries) = over else {
        *object = over.clone();
        return;
    };
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let Some(below) = object.as_object_mut() else { return };
    for (key, value) in entries {
        let pointer = manifest::join(pointer, key);
        let named = NAMED.iter().find(|(list, _)| list == key).map(|(_, name)| *name);
        if key.starts_with('$') {
            let problem = overlay.diagnostic(&pointer, format!("the directive `{key}` is not understood"));
            problems.push(problem.help("an overlay adds and changes; `key: null` takes a key away"));
        } else if value.is_null() {
            below.remove(key);
        } else if let (Value::Array(items), Some(name)) = (value, named) {
            let list = below.entry(key.as_str()).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut() {
                merge_list(list, items, (key, name), &pointer, overlay, problems);
            }
        } else {
            merge(below.entry(key.as_str()).or_insert(Value::Null), value, &pointer, overlay, problems);
        }
    }
}

/// Merges items by their name; new ones stand at the end.
fn merge_list(
    list: &mut Vec<Value>,
    items: &[Value],
    (key, name): (&str, &str),
    pointer: &str,
    overlay: &Manifest,
    problems: &mut Vec<Diagnostic>,
) {
    for (index, item) in items.iter().enumerate() {
        let pointer = format!("{pointer}/{index}");
        let Some(wanted) = item.get(name) else {
            let message =
                format!("an item of `{key}` needs a `{name}`, by which it is laid over the other one");
            problems.push(overlay.diagnostic(&pointer, message));
            continue;
        };
        if let Some(below) = list.iter_mut().find(|below| below.get(name) == Some(wanted)) {
            merge(below, item, &pointer, overlay, problems);
            continue;
        }
        if key.to_lowercase().ends_with("containers") && item.get("image").is_none() {
            let wanted = wanted.as_str().unwrap_or_default();
            let names: Vec<&str> = list.iter().filter_map(|below| below.get(name)?.as_str()).collect();
            let message = format!("there is no container `{wanted}` that this could be laid over");
            let problem = overlay.diagnostic(&format!("{pointer}/name"), message);
            problems.push(match suggest::nearest(wanted, names.iter().copied()) {
                Some(nearest) => problem.help(format!("did you mean `{nearest}`?")),
                None => {
                    problem.help(format!("there are `{}`; a new one needs an `image`", names.join("`, `")))
                }
            });
            continue;
        }
        // What is new is laid over nothing, so that it is looked at in the same way.
        let mut new = Value::Null;
        merge(&mut new, item, &pointer, overlay, problems);
        list.push(new);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn laid(object: &Value, overlay: &str) -> (Value, Vec<String>) {
        let text = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\n{overlay}");
        let overlay = manifest::read("o.yml", &text, None).unwrap().remove(0);
        let mut object = object.clone();
        let problems = lay(&mut object, &overlay);
        let said = |p: &Diagnostic| {
            format!("{:?} {} ({})", p.position(), p.message, p.help.as_deref().unwrap_or(""))
        };
        (object["spec"].take(), problems.iter().map(said).collect())
    }

    #[test]
    fn what_is_named_changes_and_the_rest_stays() {
        let object = json!({"spec": {
            "keep": {"a": 1, "b": 2},
            "list": [1, 2],
            "containers": [
                {"name": "one", "image": "i", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
                {"name": "two", "image": "j"},
            ],
        }});
        let (spec, problems) = laid(
            &object,
            "\
spec:
  keep: {b: 3, a: null}
  list: [3]
  containers:
  - {name: two, image: k}
  - {name: one, env: [{name: B, value: '3'}, {name: C, value: '4'}]}
  - {name: three, image: l, tty: null}
",
        );
        assert_eq!(problems, [""; 0]);
        assert_eq!(
            spec,
            json!({
                "keep": {"b": 3},
                "list": [3],
                "containers": [
                    {"name": "one", "image": "i", "env": [
                        {"name": "A", "value": "1"}, {"name": "B", "value": "3"}, {"name": "C", "value": "4"},
                    ]},
                    {"name": "two", "image": "k"},
                    {"name": "three", "image": "l"},
                ],
            })
        );
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let object = json!({"spec": {"containers": [{"name": "backend", "image": "i"}]}});
        let (_, problems) = laid(
            &object,
            "spec:\n  $patch: replace\n  containers:\n  - {name: bakend, tty: true}\n  - {name: zebra}\n  - {image: x}\n",
        );
        expect_test::expect![[r#"
            (5, 11) the directive `$patch` is not understood (an overlay adds and changes; `key: null` takes a key away)
            (7, 12) there is no container `bakend` that this could be laid over (did you mean `backend`?)
            (8, 12) there is no container `zebra` that this could be laid over (there are `backend`; a new one needs an `image`)
            (9, 6) an item of `containers` needs a `name`, by which it is laid over the other one ()"#]].assert_eq(&problems.join("\n"));
    }
}
