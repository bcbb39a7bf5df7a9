//! What the adapters make of recorded answers of the real tools, and of answers that were damaged on the way.
