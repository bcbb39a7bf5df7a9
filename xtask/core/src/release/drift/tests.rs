//! Differences are found and named, and what nobody has done by hand is none.

use serde_json::json;

use super::*;

fn there() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "uid": "1", "resourceVersion": "7",
            "labels": {"app": "web"},
            "annotations": {"vitalyst.io/fence": "4", "deployment.kubernetes.io/revision": "2"},
            "managedFields": [
                {"manager": "vitalyst-manifests", "operation": "Apply", "time": "2026-11-28T10:00:00Z", "fieldsV1": {
                    "f:metadata": {"f:labels": {"f:app": {}}},
                    "f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {
                        ".": {}, "f:name": {}, "f:image": {}}}}}},
                }},
                {"manager": "vitalyst-replicas", "operation": "Apply", "time": "2026-11-28T10:00:00Z",
                    "fieldsV1": {"f:spec": {"f:replicas": {}}}},
                {"manager": "kube-controller-manager", "operation": "Update", "time": "2026-11-28T10:00:05Z",
                    "subresource": "status", "fieldsV1": {"f:status": {"f:replicas": {}}}},
            ],
        },
        "spec": {"replicas": 3, "template": {"spec": {
            "dnsPolicy": "ClusterFirst",
            "containers": [{"name": "web", "image": "web@sha256:1", "env": [{"name": "A", "value": "1"}]}],
        }}},
        "status": {"replicas": 3},
    })
}

fn web() -> Released {
    let object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"template": {"spec": {
            "containers": [{"name": "web", "image": "web@sha256:1", "env": [{"name": "A", "value": "1"}]}],
        }}},
    });
    Released { object, is_adopted: false, scale: Scale::Release }
}

/// Adds what somebody has written, and changes the object as that does.
fn written(mut object: Value, manager: &str, fields: &Value, change: impl Fn(&mut Value)) -> Value {
    let entry = json!({
        "manager": manager, "operation": "Update", "time": "2026-11-28T12:00:00Z", "fieldsV1": fields,
    });
    object["metadata"]["managedFields"].as_array_mut().unwrap().push(entry);
    change(&mut object);
    object
}

const CONTAINER: &str = "/spec/template/spec/containers/0";

fn in_container(fields: &Value) -> Value {
    json!({"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": fields}}}}})
}

fn said(there: &Value, again: &Value) -> String {
    table(&web().differences(there, again))
}

#[test]
fn what_the_server_and_its_controllers_have_written_is_no_drift() {
    let mut again = there();
    again["metadata"]["resourceVersion"] = json!("8");
    again["metadata"]["managedFields"] = json!([]);
    again["metadata"]["annotations"]["vitalyst.io/fence"] = json!("5");
    again["status"] = json!({});
    assert_eq!(said(&there(), &again), "");
    // All annotations that there are may be those that come with each write.
    again["metadata"].as_object_mut().unwrap().remove("annotations");
    let mut stamped = there();
    stamped["metadata"]["annotations"] = json!({"vitalyst.io/fence": "4", "vitalyst.io/stated": "test-1 x"});
    assert_eq!(said(&stamped, &again), "");
    // An autoscaler writes through the subresource `scale`.
    let scaled =
        written(there(), "kube-controller-manager", &json!({"f:spec": {"f:replicas": {}}}), |object| {
            object["spec"]["replicas"] = json!(7);
            object["metadata"]["managedFields"][3]["subresource"] = json!("scale");
        });
    let again = web().written_over(&scaled);
    assert_eq!(again["spec"]["replicas"], 7);
    assert_eq!(said(&scaled, &scaled), "");
}

#[test]
fn what_somebody_has_changed_is_named_with_who_and_when() {
    let env = |name: &str| {
        in_container(&json!({"f:env": {format!("k:{{\"name\":\"{name}\"}}"): {"f:name": {}, "f:value": {}}}}))
    };
    let changed = written(there(), "kubectl-set", &env("A"), |object| {
        *object.pointer_mut(&format!("{CONTAINER}/env/0/value")).unwrap() = json!("2");
    });
    let added = written(changed, "kubectl-edit", &env("B"), |object| {
        let list = object.pointer_mut(&format!("{CONTAINER}/env")).unwrap();
        list.as_array_mut().unwrap().push(json!({"name": "B", "value": "x"}));
    });
    let image = written(added, "kubectl-set", &in_container(&json!({"f:image": {}})), |object| {
        *object.pointer_mut(&format!("{CONTAINER}/image")).unwrap() = json!("web:latest");
    });
    let label = written(image, "kubectl-label", &json!({}), |object| {
        object["metadata"]["labels"] = json!({});
    });
    let scaled = written(label, "kubectl", &json!({"f:spec": {"f:replicas": {}}}), |object| {
        object["spec"]["replicas"] = json!(5);
        object["metadata"]["managedFields"].as_array_mut().unwrap().last_mut().unwrap()["subresource"] =
            json!("scale");
    });
    let all = written(
        scaled,
        "some-injector",
        &json!({"f:metadata": {"f:annotations": {"f:mesh": {}}}}),
        |object| {
            object["metadata"]["annotations"]["mesh"] = json!("on");
        },
    );
    // What the server would make of it: what is stated is as it was, and what is not stays.
    let mut again = all.clone();
    again["metadata"]["labels"] = json!({"app": "web"});
    *again.pointer_mut(&format!("{CONTAINER}/env/0/value")).unwrap() = json!("1");
    *again.pointer_mut(&format!("{CONTAINER}/image")).unwrap() = json!("web@sha256:1");
    expect_test::expect![[r#"
                 object            field                                                           there                     released                  by
        changed  Deployment `web`  .metadata.labels.app                                            –                         web                       –
        changed  Deployment `web`  .spec.template.spec.containers[name="web"].env[name="A"].value  2                         1                         kubectl-set at 2026-11-28T12:00:00Z
        changed  Deployment `web`  .spec.template.spec.containers[name="web"].image                web:latest                web@sha256:1              kubectl-set at 2026-11-28T12:00:00Z
        added    Deployment `web`  .spec.template.spec.containers[name="web"].env[name="B"]        {"name":"B","value":"x"}  –                         kubectl-edit at 2026-11-28T12:00:00Z
        (note)   Deployment `web`  .metadata.annotations.mesh                                      on                        –                         some-injector at 2026-11-28T12:00:00Z
        scaled   Deployment `web`  .spec.replicas                                                  5                         as many as served before  kubectl (by `scale`) at 2026-11-28T12:00:00Z
    "#]].assert_eq(&said(&all, &again));
    let drifts = web().differences(&all, &again);
    let findings: Vec<String> = drifts
        .iter()
        .map(Drift::finding)
        .map(|finding| format!("{}: {}", finding.rule, finding.message))
        .collect();
    expect_test::expect![[r#"
        changed: Deployment `web`: `.metadata.labels.app`: there nothing, released web
        changed: Deployment `web`: `.spec.template.spec.containers[name="web"].env[name="A"].value`: there 2, released 1, by kubectl-set at 2026-11-28T12:00:00Z
        changed: Deployment `web`: `.spec.template.spec.containers[name="web"].image`: there web:latest, released web@sha256:1, by kubectl-set at 2026-11-28T12:00:00Z
        added: Deployment `web`: `.spec.template.spec.containers[name="web"].env[name="B"]`: there {"name":"B","value":"x"}, released nothing, by kubectl-edit at 2026-11-28T12:00:00Z
        added: Deployment `web`: `.metadata.annotations.mesh`: there on, released nothing, by some-injector at 2026-11-28T12:00:00Z
        scaled: Deployment `web`: `.spec.replicas`: there 5, released as many as served before, by kubectl (by `scale`) at 2026-11-28T12:00:00Z"#]].assert_eq(&findings.join("\n"));
}

#[test]
fn lists_without_names_are_compared_by_what_tells_their_items_apart() {
    let before =
        json!({"m": [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}], "l": [1, 2]});
    let after = json!({"m": [{"name": "v", "mountPath": "/b", "readOnly": true}], "l": [1]});
    let said: Vec<String> = fields::differences(&before, &after)
        .iter()
        .map(|difference| format!("{} {:?} {:?}", difference.path, difference.before, difference.after))
        .collect();
    expect_test::expect![[r#"
        .l[1] Some(Number(2)) None
        .m[mountPath="/a"] Some(Object {"mountPath": String("/a"), "name": String("v")}) None
        .m[mountPath="/b"].readOnly None Some(Bool(true))"#]]
    .assert_eq(&said.join("\n"));
}

#[test]
fn what_was_adopted_need_not_have_the_labels_of_a_slot() {
    let adopted = Released { is_adopted: true, ..web() };
    let mut again = there();
    again["spec"]["template"]["metadata"] = json!({"labels": {"vitalyst.io/slot": "a"}});
    again["metadata"]["labels"]["vitalyst.io/slot"] = json!("a");
    // The template has no metadata at all where it was made without labels.
    let there = written(there(), "kubectl-create", &json!({"f:spec": {"f:replicas": {}}}), |object| {
        object["spec"]["template"]["metadata"] = json!({"labels": {}});
    });
    assert_eq!(adopted.differences(&there, &again), []);
    assert_eq!(web().differences(&there, &again).len(), 3);
}

#[test]
fn what_is_gone_or_would_be_refused_is_said() {
    let drifts = [web().missing(), web().refused("spec.selector: field is immutable")];
    expect_test::expect![[r#"
                 object            field  there                              released      by
        missing  Deployment `web`  –      –                                  it is stated  –
        refused  Deployment `web`  –      spec.selector: field is immutable  –             –
    "#]]
    .assert_eq(&table(&drifts));
}
