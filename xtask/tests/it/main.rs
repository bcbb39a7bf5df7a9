//! The tests that run the library and its program from outside.
