//! How events look: sinks for terminals, pipes, GitHub and files. The only room, beside `cli`, that writes to the terminal.
