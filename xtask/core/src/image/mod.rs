//! Container images, as far as they are decisions: names, what an image is made from, who builds it and how, and what a built
//! one must look like.
//!
//! A build is described by values before anything runs: the [`context`] gives the [`fingerprint`], the [`dockerfile`] the
//! bases, [`engine`] and [`build`] the command lines. What was built comes back as an archive, which [`archive`] and
//! [`policy`] judge.

pub mod archive;
pub mod build;
pub mod context;
pub mod copyright;
pub mod dockerfile;
pub mod engine;
pub mod fingerprint;
pub mod ignore;
pub mod labels;
pub mod memory;
pub mod name;
pub mod policy;
pub mod provenance;
pub mod sbom;
pub mod trouble;
