//! kubectl as the library uses it: what its words mean, and the real program against servers good and bad.

mod answers;
