//! The tests that run the library and its program from outside.

// `allow-unwrap-in-tests` reaches only what is marked so.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests start programs and read the machine themselves")]

mod architecture;
mod aws;
mod bench;
mod browser;
mod cache;
mod cli;
mod cluster;
mod config;
mod deploy;
mod docs;
mod gates;
mod github;
mod image;
mod kubectl;
mod machine;
mod manifests;
mod nights;
mod notify;
mod packages;
mod parity;
mod perf;
mod pipeline;
mod plan;
mod program;
mod rbac;
mod registry;
mod rehearse;
mod release;
mod report;
mod repository;
mod runner;
mod schema;
mod security;
mod setup;
mod tasks;
mod tidy;
mod ui;
mod update;
mod watch;
mod wire;
mod workflows;
