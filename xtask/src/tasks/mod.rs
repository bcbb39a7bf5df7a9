//! The verbs that users call. Each is a function of a [`Cx`](crate::Cx) and its options, callable alone; a pipeline only adds
//! an order.

pub mod affected;
pub mod architecture;
pub mod cache;
pub mod ci;
pub mod dependencies;
pub mod docs;
pub mod doctor;
mod footprints;
pub mod gate;
pub mod image;
pub mod lint;
pub mod rehearse;
pub mod release;
pub mod security;
pub mod setup;
pub mod test;

mod sources;
mod tool;
