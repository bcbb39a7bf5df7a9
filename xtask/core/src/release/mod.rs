//! What a release decides, without a cluster: what is to be written, in which order, and when to go on, stop or go back.
//!
//! Each room is a function of what it is given. Time comes in as a [`Duration`](std::time::Duration) since an epoch that the
//! caller chooses and keeps to; nothing here reads a clock, talks to a server or remembers more than its own state.
//!
//! - [`model`] has the words: components, slots, revisions, fences.
//! - [`view`] is what one look at the cluster shows, and [`effect`] what may be done to it.
//! - [`ledger`] is what is written down: how far a release has come, and which there were.
//! - [`machine`] goes from looks to effects, and ends in an outcome.
//! - [`metrics`] turns the pages that pods expose into counts per tick: parsing, summing, counter resets.
//! - [`analysis`] turns counts of canary and baseline into a verdict, with an error probability that holds however often one
//!   looks.
//! - [`monitor`] remembers the counts of pods from one tick to the next, and [`smoke`] judges what a new pod answers.
//! - [`health`] turns one snapshot of Kubernetes objects into the state of a rollout.
//! - [`objects`] goes from files to exact objects: [`template`] fills them in, [`manifest`] reads them with the place of each
//!   key, [`images`] pins them, [`selectors`] compares them, [`revision`] and [`migration`] name them by content.
//! - [`slots`] derives the second slot of a component, and [`weights`] says how many pods make a share of the requests.
//! - [`wire`] goes between the machine and the objects of a cluster: from what a server says to a look, from a change to a
//!   request.
//! - [`narration`] tells people what a machine does.
//! - [`drift`] says how what is in a cluster differs from what was released to it.
//! - [`plan`] puts all writes of a release in order, and [`freeze`] says when there must be none.

pub mod analysis;
pub mod capacity;
pub mod drift;
pub mod effect;
pub mod freeze;
pub mod health;
pub mod images;
pub mod labels;
pub mod ledger;
pub mod machine;
pub mod manifest;
pub mod metrics;
pub mod migration;
pub mod model;
pub mod monitor;
pub mod narration;
pub mod notice;
pub mod objects;
pub mod pin;
pub mod plan;
pub mod revision;
pub mod rights;
pub mod selectors;
pub mod slots;
pub mod smoke;
pub mod template;
pub mod view;
pub mod weights;
pub mod wire;
