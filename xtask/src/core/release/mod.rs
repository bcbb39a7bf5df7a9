//! What a release decides, without a cluster: what is to be written, in which order, and when to go on, stop or go back.
//!
//! Each room is a function of what it is given. Time comes in as a [`Duration`](std::time::Duration) since an epoch that the
//! caller chooses and keeps to; nothing here reads a clock, talks to a server or remembers more than its own state.
//!
//! - [`model`] has the words: components, slots, revisions, fences.
//! - [`view`] is what one look at the cluster shows, and [`effect`] what may be done to it.
//! - [`machine`] goes from looks to effects, and ends in an outcome.
//! - [`metrics`] turns the pages that pods expose into counts per tick: parsing, summing, counter resets.
//! - [`analysis`] turns counts of canary and baseline into a verdict, with an error probability that holds however often one
//!   looks.
//! - [`health`] turns one snapshot of Kubernetes objects into the state of a rollout.

pub mod analysis;
pub mod effect;
pub mod health;
pub mod machine;
pub mod metrics;
pub mod model;
pub mod view;
