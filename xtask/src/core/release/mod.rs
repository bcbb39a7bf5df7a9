//! Releases: what is to be written, in which order, and when to go on, stop or go back. The design is explained in
//! `docs/architecture.md`.

pub mod model;
