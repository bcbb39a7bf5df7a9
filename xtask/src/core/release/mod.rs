//! Releases: what is to be written, in which order, and when to go on, stop or go back. The design is explained in
//! `docs/architecture.md`.

pub mod capacity;
pub mod freeze;
pub mod images;
pub mod labels;
pub mod manifest;
pub mod model;
pub mod objects;
pub mod plan;
pub mod revision;
pub mod selectors;
pub mod slots;
pub mod template;
pub mod weights;
