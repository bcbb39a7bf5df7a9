//! What there is to know about kubectl without running it: what its answers mean, what it is asked, which versions of it go
//! with which clusters.

pub mod answer;
pub mod attribution;
pub mod denial;
pub mod document;
pub mod explain;
pub mod messages;
pub mod ownership;
pub mod review;
pub mod scrape;
pub mod skew;

pub use answer::{Answer, Fault, classify};
pub use denial::Denial;
pub use ownership::Owner;
