//! Byte formats: parse and emit, no state, no I/O.
