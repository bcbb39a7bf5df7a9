//! What a look at the machine has found: which tools are there, what set-up has made, and what to do.

pub mod environment;

use std::path::PathBuf;

use serde::Serialize;

use crate::table;
use crate::toolbox::{Manager, Need, Tool};
use crate::version::Version;

/// What was found of one tool.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What people call it.
    pub name: &'static str,
    /// Whether anything goes without it.
    pub need: Need,
    /// Whether it will do.
    pub standing: Standing,
    /// The version that was found.
    pub found: Option<Version>,
    /// The least version that will do.
    pub wanted: Option<Version>,
    /// Where it is.
    pub path: Option<PathBuf>,
    /// What it is for.
    pub purpose: &'static str,
    /// What is wrong, where something is.
    pub problem: Option<String>,
    /// The ways to get it, those of this system first.
    pub get: Vec<String>,
}

/// Whether a tool will do.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It will.
    Fine,
    /// It is not there.
    Missing,
    /// It is too old.
    TooOld,
    /// It is there and does not work, or lacks a part.
    Broken,
}

/// Something that set-up makes.
#[derive(Clone, Debug, Serialize)]
pub struct MadeRow {
    /// The task that makes it.
    pub task: String,
    /// Where it is.
    pub path: PathBuf,
    /// `made`, `stale` or `missing`.
    pub state: &'static str,
    /// Why it is stale.
    pub why: Option<String>,
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Checkup {
    /// The tools.
    pub tools: Vec<Row>,
    /// What set-up makes.
    pub made: Vec<MadeRow>,
}

impl Standing {
    const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Missing => "missing",
            Self::TooOld => "too old",
            Self::Broken => "broken",
        }
    }
}

impl Row {
    /// A tool that was not found, or not yet.
    pub fn missing(tool: &Tool, need: Need, wanted: Option<Version>, managers: &[Manager]) -> Self {
        Self {
            name: tool.name,
            need,
            standing: Standing::Missing,
            found: None,
            wanted,
            path: None,
            purpose: tool.purpose,
            problem: None,
            get: tool.get.lines(managers),
        }
    }

    /// The row for a program at `path` that wrote `said` when it was asked for its version; `failed` says how, if it did.
    pub fn answered(mut self, path: PathBuf, said: &str, failed: Option<String>) -> Self {
        self.found = if failed.is_some() { None } else { Version::find_in(said) };
        let first = said.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let told = excerpt(first);
        (self.standing, self.problem) = match (self.found, failed) {
            (_, Some(failed)) if told.is_empty() => (Standing::Broken, Some(failed)),
            (_, Some(failed)) => (Standing::Broken, Some(format!("{failed}: {told}"))),
            (None, None) if told.is_empty() => (Standing::Broken, Some("it said nothing".to_owned())),
            (None, None) => (Standing::Broken, Some(format!("what it said is no version: {told}"))),
            (Some(found), None) if self.wanted.is_some_and(|wanted| found < wanted) => {
                (Standing::TooOld, None)
            }
            (Some(_), None) => (Standing::Fine, None),
        };
        self.path = Some(path);
        self
    }
}

/// The longest piece of a program's output that is quoted, in characters.
const EXCERPT: usize = 60;

/// The beginning of a line in backticks, without what a terminal would act on; empty for an empty line.
fn excerpt(line: &str) -> String {
    if line.is_empty() {
        return String::new();
    }
    let clean: String = line.chars().filter(|c| !c.is_control()).take(EXCERPT).collect();
    let more = if line.chars().count() > EXCERPT { "…" } else { "" };
    format!("`{clean}{more}`")
}

impl Checkup {
    /// The needed tools that will not do.
    pub fn lacking(&self) -> Vec<&Row> {
        let lacks = |row: &&Row| row.need == Need::Needed && row.standing != Standing::Fine;
        self.tools.iter().filter(lacks).collect()
    }

    /// The whole as text for a reader.
    pub fn text(&self) -> String {
        let none = || "-".to_owned();
        let head = ["tool", "state", "found", "wanted", "need", "where", "what for"].map(str::to_owned);
        let tools = self.tools.iter().map(|row| {
            [
                row.name.to_owned(),
                row.standing.word().to_owned(),
                row.found.map_or_else(none, |version| version.to_string()),
                row.wanted.map_or_else(none, Version::bound),
                match row.need {
                    Need::Needed => "needed".to_owned(),
                    Need::Optional => "optional".to_owned(),
                },
                row.path.as_ref().map_or_else(none, |path| path.display().to_string()),
                row.purpose.to_owned(),
            ]
        });
        let mut text = table::aligned(&[head].into_iter().chain(tools).collect::<Vec<_>>());
        if !self.made.is_empty() {
            let head = ["set-up", "state", "where", ""].map(str::to_owned);
            let made = self.made.iter().map(|row| {
                let path = row.path.display().to_string();
                [row.task.clone(), row.state.to_owned(), path, row.why.clone().unwrap_or_default()]
            });
            text.push('\n');
            text.push_str(&table::aligned(&[head].into_iter().chain(made).collect::<Vec<_>>()));
        }
        for row in self.tools.iter().filter(|row| row.standing != Standing::Fine) {
            text.push_str(&advice(row));
        }
        text
    }
}

fn advice(row: &Row) -> String {
    let problem = match (&row.problem, row.standing) {
        (Some(problem), _) => problem.clone(),
        (None, Standing::TooOld) => "a newer one is wanted".to_owned(),
        (None, _) => "it is not there".to_owned(),
    };
    let mut text = format!("\n{}: {problem}\n", row.name);
    for way in &row.get {
        text.push_str("    ");
        text.push_str(way);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::toolbox::{GIT, NODE, TMUX};

    fn row(tool: &Tool) -> Row {
        Row::missing(tool, tool.need, tool.wanted, &[Manager::Apt])
    }

    #[test]
    fn an_answer_makes_a_standing() {
        use Standing::{Broken, Fine, TooOld};
        let failed = || Some("exit 1".to_owned());
        for (said, failed, standing, problem) in [
            ("v20.20.2\n", None, Fine, None),
            ("v18.20.1", None, TooOld, None),
            ("", None, Broken, Some("it said nothing")),
            (" \n\u{1b}[31mhuh\u{7}?\n", None, Broken, Some("what it said is no version: `[31mhuh?`")),
            ("v20.20.2", failed(), Broken, Some("exit 1: `v20.20.2`")),
            ("", failed(), Broken, Some("exit 1")),
        ] {
            let row = row(&NODE).answered("/bin/node".into(), said, failed);
            assert_eq!((row.standing, row.problem.as_deref()), (standing, problem), "{said}");
        }
        let long = row(&NODE).answered("/bin/node".into(), &"ä".repeat(1000), None);
        assert!(long.problem.unwrap().ends_with("ä…`"));
    }

    #[test]
    fn the_text_lines_up_and_ends_with_what_to_do() {
        let checkup = Checkup {
            tools: vec![
                row(&GIT).answered("/usr/bin/git".into(), "git version 2.39.5", None),
                row(&NODE).answered("/usr/bin/node".into(), "v18.20.1", None),
                row(&TMUX),
            ],
            made: vec![MadeRow {
                task: "setup.backend".into(),
                path: "backend/.venv".into(),
                state: "stale",
                why: Some("it was left half-finished".into()),
            }],
        };
        expect![[r"
            tool  state    found    wanted  need      where          what for
            git   ok       2.39.5   2.20    needed    /usr/bin/git   which files there are, and what has changed
            node  too old  18.20.1  20      needed    /usr/bin/node  Node components
            tmux  missing  -        -       optional  -              tests of the live view on a real terminal

            set-up         state  where
            setup.backend  stale  backend/.venv  it was left half-finished

            node: a newer one is wanted
                apt-get install nodejs
                brew install node
                winget install OpenJS.NodeJS.LTS
                https://nodejs.org/en/download

            tmux: it is not there
                apt-get install tmux
                brew install tmux
        "]]
        .assert_eq(&checkup.text());
        let lacking: Vec<&str> = checkup.lacking().iter().map(|row| row.name).collect();
        assert_eq!(lacking, ["node"]);
        let data = serde_json::to_value(&checkup).unwrap();
        assert_eq!(data["tools"][1]["standing"], "too-old");
        assert_eq!(data["tools"][0]["found"], "2.39.5");
    }
}
