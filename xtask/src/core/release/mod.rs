//! What a release decides, without a cluster: what pods say of themselves, whether a canary may go on, whether a rollout is
//! done.
//!
//! Three rooms, each a function of what it is given. Time comes in as a [`Duration`](std::time::Duration) since an epoch that
//! the caller chooses and keeps to; nothing here reads a clock, talks to a server or remembers more than its own state.
//!
//! - [`metrics`] turns the pages that pods expose into counts per tick: parsing, summing, counter resets.
//! - [`analysis`] turns counts of canary and baseline into a verdict, with an error probability that holds however often one
//!   looks.
//! - [`health`] turns one snapshot of Kubernetes objects into the state of a rollout.

pub mod analysis;
pub mod health;
pub mod metrics;
