//! The pipeline of another repository: the standard tasks of its component, and one of its own.

use std::process::ExitCode;

use xtask::cli::App;
use xtask::core::gate::{Coverage, Look};
use xtask::tasks::{ci, gate};
use xtask::{Cx, Error, Result, Task, cmd};

/// Runs the program and looks at what it says.
fn greet(cx: &Cx) -> Result<()> {
    let sh = cx.sh()?;
    let said = cx.read(cmd!(sh, "cargo run --quiet --locked --package greeter"))?;
    if said == "hello, world" { Ok(()) } else { Err(Error::problems(format!("the greeter said `{said}`"))) }
}

/// A gate, one of whose tools never has what it needs.
fn look(cx: &Cx) -> Result<()> {
    let census = Look::at("census", Coverage::new(1, "greeter"));
    gate::conclude(cx, vec![census, Look::blind("oracle", "greeter", "nobody knows the future")])
}

fn main() -> ExitCode {
    App::new(|config, options| {
        ci::pipeline(config, options)
            .with(Task::new("security.greeter", look).about("look at the greeter").on_demand())
            .with(Task::new("greet.world", greet).about("see that the greeter greets").after(["test.greeter"]))
    })
    .main()
}
