//! What becomes of money when the process or its store dies.
