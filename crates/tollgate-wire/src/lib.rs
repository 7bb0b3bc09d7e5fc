//! The formats that Tollgate reads and writes: bytes in, facts out. Nothing here waits, reads a
//! clock or touches the outside.
