//! Whatever a page of the ledger holds, reading it ends, and what can be read is the only form of
//! its entries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tollgate_core::ledger::{Page, PageHead};

fuzz_target!(|content: &[u8]| {
    if let Ok(entries) = Page::read_content(content) {
        let page = Page::write(PageHead::default(), &entries);
        assert_eq!(page.content, content);
        assert_eq!(page.read(PageHead::default()), Ok(entries));
    }
});
