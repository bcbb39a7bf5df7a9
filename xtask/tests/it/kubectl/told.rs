//! kubectl as a task calls it: what is said and logged of a call, and what is not.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use serde_json::json;
use xtask::Cx;
use xtask::config::Config;
use xtask::core::kubectl::Fault;
use xtask::core::mask::MASK;
use xtask::driver::environment::Environment;
use xtask::driver::kubectl::{Mode, Query, Target};
use xtask::event::{Body, Event, Sink};

#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Sink for Heard {
    fn event(&self, event: &Event) {
        let line = match &event.body {
            Body::CommandStarted { command, .. } => format!("$ {command}"),
            Body::CommandFinished { exit, .. } => exit.clone(),
            Body::Output { line, .. } => line.clone(),
            _ => return,
        };
        self.0.lock().unwrap().push(line);
    }
}

#[test]
fn a_task_says_what_it_calls_and_not_what_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kubectl");
    let script = "#!/bin/sh\ncat >/dev/null\necho '{\"kind\": \"ConfigMap\", \"data\": \"private\"}'\n\
                  echo \"Warning: $TOKEN_OF_CLOUD $DECLARED\" >&2\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = "[project]\nname = \"x\"\n[environment]\npass = [\"TOKEN_OF_CLOUD\", \"DECLARED\"]\n";
    let config = Config::parse(std::path::Path::new("xtask.toml"), config).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let variables = [("PATH", path.as_str()), ("TOKEN_OF_CLOUD", "s3cret-t0ken"), ("DECLARED", "declared")];
    let heard = Arc::new(Heard::default());
    let cx = Cx::builder(folder.path())
        .output(folder.path().join("out"))
        .config(config)
        .environment(Environment::new(variables))
        .sink(Arc::clone(&heard) as Arc<dyn Sink>)
        .build();
    let target = |context: &str| Target {
        cluster: "production".to_owned(),
        context: context.to_owned(),
        namespace: "v".to_owned(),
        kubeconfig: None,
    };
    cx.step("deploy", |cx| {
        let map =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": "private"});
        drop(cx.kubectl(target("there")).apply("xtask", &[map], Mode::Really));
        // Whoever may see the processes of this machine would see it.
        let visible = cx.kubectl(target("s3cret-t0ken")).get(&Query::kinds(&["pod"])).unwrap_err();
        assert_eq!(visible.fault, Fault::Local);
        assert!(visible.error.message().contains("holds a secret"), "{:?}", visible.error);
        Ok(())
    })
    .unwrap();
    let heard = heard.0.lock().unwrap().clone();
    let warning = format!("Warning: {MASK} declared");
    let called = "$ kubectl --context=there --namespace=v --request-timeout=10000ms apply --server-side --validate=ignore \
                  --field-manager=xtask --output=json --filename=-";
    assert_eq!(heard, [called, &warning, "exit 0"]);
    let log = std::fs::read_to_string(folder.path().join("out/logs/deploy.log")).unwrap();
    assert_eq!(log, format!("{called}\n{warning}\n"));
}
