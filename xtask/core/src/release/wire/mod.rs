//! Between the machine and the objects of a cluster.
//!
//! The machine speaks of an [`Object`](super::effect::Object), a [`Change`](super::effect::Change) and a
//! [`View`](super::view::View); a cluster speaks JSON. Here is the translation, without a connection: an [`Inventory`] knows
//! what everything is called and what the manifests say of it, [`Inventory::questions`] what to ask for, [`Inventory::look`]
//! makes a view of what a server has answered, [`Inventory::write`] a [`Request`] of what the machine wants, and [`outcome`]
//! says what an answer means to it.
//!
//! **One effect is one request.** A request carries uid and resourceVersion of what was read, so it is one compare-and-swap
//! and has one answer. Where a change would take two writes (a template and a number of pods have different owners), the first
//! one is made; the next look shows it, and the machine asks again.
//!
//! **Each write leaves a [`Stamp`]** with the owner and the number of its effect. A server-side apply, or an update, that says
//! nothing new is not stored and leaves the resourceVersion as it is (kubernetes/kubernetes#81673, #88816): with a stamp there
//! always is something new. So a write that repeats another one refuses it, should it still be under way.
//!
//! **Creations** are a server-side apply with a resourceVersion that no object has: it makes what is not there, and is refused
//! with `Conflict` where something is. A `POST` would make the creator a second owner of all fields, because a server tells the
//! managers of an update and of an apply apart, and what later releases no longer state would stay for ever. The Lease, the
//! ledger and payloads are nobody else's, are created by `POST` and replaced as a whole.

mod answer;
mod by_hand;
mod dry_run;
mod evidence;
mod inventory;
mod lease;
mod look;
mod payload;
mod questions;
mod request;
mod sides;
mod slot;
mod stamp;
mod suspect;
mod traffic;
mod write;

pub use answer::{Answer, outcome};
pub use by_hand::ByHand;
pub use dry_run::Way;
pub use evidence::{Unpacked, evidence};
pub use inventory::{Inventory, Unclear, lease_name};
pub use lease::{freed, taken};
pub use look::{Look, Mark, Moment, Unseen};
pub use payload::{Damaged, compressed, payload, stated};
pub use questions::{Asked, Question};
pub use request::{Manager, Request, Verb};
pub use sides::SeenPod;
pub use stamp::{Owner, Stamp};
pub use suspect::Witness;
pub use write::{Order, Unwritten};
