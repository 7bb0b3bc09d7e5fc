//! What is JSON and what is not is judged as `serde_json` judges it, and a request that is read
//! has the facts that `serde_json` finds.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;
use tollgate_core::error::Code;
use tollgate_wire::json::{Fault, Scanner, utf8};
use tollgate_wire::openai::request::read_chat;
use tollgate_wire::same::patch;

fn fault(input: &[u8]) -> Option<Fault> {
    let scan = || {
        let mut scanner = Scanner::new(utf8(input)?);
        scanner.skip()?;
        scanner.finish()
    };
    scan().err().map(|problem| problem.fault)
}

fuzz_target!(|input: &[u8]| {
    let fault = fault(input);
    // Depth is bounded here and not there.
    if fault == Some(Fault::TooDeep) {
        return;
    }
    // A raw value is checked but not decoded, so that halves of surrogate pairs and numbers
    // beyond the types of Rust pass, as they do here.
    let text = std::str::from_utf8(input).ok();
    let valid = text.is_some_and(|text| serde_json::from_str::<&RawValue>(text).is_ok());
    assert_eq!(fault.is_none(), valid);
    match read_chat(Bytes::copy_from_slice(input)) {
        Ok(call) => {
            let patched: Vec<u8> = patch(&call, "other\"model", true)
                .into_parts()
                .flatten()
                .collect();
            let (Ok(before), Ok(after)) = (
                serde_json::from_slice::<Value>(input),
                serde_json::from_slice::<Value>(&patched),
            ) else {
                return;
            };
            assert_eq!(before["model"], *call.model);
            assert_eq!(before["stream"] == true, call.stream);
            assert_eq!(after["model"], "other\"model");
            assert!(!call.stream || after["stream_options"]["include_usage"] == true);
            assert_eq!(after["messages"], before["messages"]);
        }
        Err(failure) => assert_eq!(failure.code == Code::MalformedJson, !valid),
    }
});
