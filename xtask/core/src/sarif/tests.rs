//! What is written and what is read; the schema itself is asked by `xtask/tools`.
