//! Whatever stands in `Authorization`, the key that is read from it is a part of it without blanks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_wire::credential::bearer;

fuzz_target!(|value: &[u8]| {
    if let Ok(key) = bearer(value) {
        assert!(key.iter().all(u8::is_ascii_graphic));
        assert!(key.is_empty() || value.windows(key.len()).any(|part| part == key));
    }
});
