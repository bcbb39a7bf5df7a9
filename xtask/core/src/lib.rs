//! The pure room: decisions without input, output or a clock.
//!
//! Nothing here reads a file, starts a process, asks for the time or knows of any module of ours outside `core`; what it
//! needs comes in as arguments. That is why everything here can be tested by tables, properties and simulation.

pub mod affected;
pub mod agreement;
pub mod aws;
pub mod benchmark;
pub mod bom;
pub mod calendar;
pub mod capture;
pub mod checkup;
pub mod contract;
pub mod coverage;
pub mod cycle;
pub mod diagnostic;
pub mod docstring;
pub mod drawing;
pub mod finding;
pub mod fingerprint;
pub mod gate;
pub mod github;
pub mod http;
pub mod image;
pub mod installer;
pub mod inventory;
pub mod judgement;
pub mod kubectl;
pub mod license;
pub mod markdown;
pub mod mask;
pub mod page;
pub mod perf;
pub mod picture;
pub mod plan;
pub mod policy;
pub mod record;
pub mod refusal;
pub mod registry;
pub mod release;
pub mod report;
pub mod rules;
pub mod sarif;
pub mod secret;
pub mod simulation;
pub mod site;
pub mod table;
pub mod text;
pub mod timestamp;
pub mod toolbox;
pub mod update;
pub mod version;
pub mod watch;

pub use xtask_engine::{command, footprint, graph, schedule, suggest};

#[cfg(test)]
mod tests;
