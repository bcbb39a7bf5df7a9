//! The controllers of a cluster, as far as a release waits for them: Deployments, endpoints, Jobs.

use serde_json::{Value, json};
use xtask::core::release::labels::{Selector, labels};

use super::store::{Store, condition};

/// Does all that is to be done, at the time `now`, in RFC 3339. A pod is made in one round and ready in the next.
pub(crate) fn work(store: &mut Store, now: &str) {
    for deployment in store.of("Deployment") {
        roll(store, deployment, now);
    }
    for service in store.of("Service") {
        share(store, &service);
    }
    for mut job in store.of("Job") {
        if job["spec"]["suspend"] != true {
            job["status"] = json!({"succeeded": 1, "conditions": [condition("Complete", now)]});
            store.write("job-controller", &job);
        }
    }
}

fn hash(template: &Value) -> String {
    blake3::hash(template.to_string().as_bytes()).to_hex().chars().take(9).collect()
}

fn owned(objects: Vec<Value>, owner: &Value) -> Vec<Value> {
    let uid = &owner["metadata"]["uid"];
    objects.into_iter().filter(|object| object["metadata"]["ownerReferences"][0]["uid"] == *uid).collect()
}

fn roll(store: &mut Store, mut deployment: Value, now: &str) {
    let template = &deployment["spec"]["template"];
    let (hash, name) = (hash(template), deployment["metadata"]["name"].as_str().unwrap().to_owned());
    let wanted = deployment["spec"]["replicas"].as_u64().unwrap();
    let own = |object: &Value| json!([{"uid": object["metadata"]["uid"], "controller": true}]);
    let mut current = template.clone();
    current["metadata"]["labels"]["pod-template-hash"] = json!(hash);
    let newest = format!("{name}-{hash}");
    if store.get("ReplicaSet", &newest).is_none() {
        let set = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": newest,
                "labels": current["metadata"]["labels"],
                "ownerReferences": own(&deployment),
                "creationTimestamp": now,
            },
            "spec": {"replicas": wanted, "template": current},
        });
        store.write("deployment-controller", &set);
    }
    let (mut all, mut available) = (0, 0);
    for mut set in owned(store.of("ReplicaSet"), &deployment) {
        let is_newest = set["metadata"]["name"] == newest.as_str();
        let wanted = if is_newest { wanted } else { 0 };
        let mut pods = owned(store.of("Pod"), &set);
        let (ready, fresh): (Vec<_>, Vec<_>) =
            pods.iter().cloned().partition(|pod| pod["status"]["phase"] == "Running");
        for mut pod in fresh {
            pod["status"] = json!({"phase": "Running", "conditions": [condition("Ready", now)]});
            store.write("kubelet", &pod);
        }
        while (pods.len() as u64) > wanted {
            store.delete(&pods.pop().unwrap());
        }
        for number in pods.len() as u64..wanted {
            let name = format!("{}-{number:05}", set["metadata"]["name"].as_str().unwrap());
            let pod = json!({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": name,
                    "labels": set["spec"]["template"]["metadata"]["labels"],
                    "ownerReferences": own(&set),
                    "creationTimestamp": now,
                },
                "status": {"phase": "Pending"},
            });
            store.write("replicaset-controller", &pod);
        }
        let ready = (ready.len() as u64).min(wanted);
        all += wanted;
        available += ready;
        set["spec"]["replicas"] = json!(wanted);
        set["status"] = json!({
            "observedGeneration": set["metadata"]["generation"],
            "replicas": wanted,
            "fullyLabeledReplicas": wanted,
            "readyReplicas": ready,
            "availableReplicas": ready,
        });
        store.write("replicaset-controller", &set);
    }
    deployment["status"] = json!({
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": all,
        "updatedReplicas": wanted,
        "availableReplicas": available,
    });
    store.write("deployment-controller", &deployment);
}

fn share(store: &mut Store, service: &Value) {
    let selector = Selector::plain(&service["spec"]["selector"], "").unwrap();
    let selected = store.of("Pod").into_iter().filter(|pod| {
        selector.matches(&labels(pod, "/metadata/labels")) && pod["status"]["phase"] == "Running"
    });
    let endpoints: Vec<Value> = selected
        .map(|pod| {
            let target =
                json!({"kind": "Pod", "name": pod["metadata"]["name"], "uid": pod["metadata"]["uid"]});
            json!({"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "targetRef": target})
        })
        .collect();
    let name = service["metadata"]["name"].as_str().unwrap();
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": format!("{name}-x"), "labels": {"kubernetes.io/service-name": name}},
        "endpoints": endpoints,
    });
    store.write("endpointslice-controller", &slice);
}
