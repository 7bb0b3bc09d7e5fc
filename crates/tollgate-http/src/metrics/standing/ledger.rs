//! How the ledger does.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use tollgate_core::money::USD;
use tollgate_engine::settle::Reading;

type Read = fn(&Reading) -> u64;

const COUNTERS: [(&str, &str, Read); 4] = [
    (
        "ledger_pages",
        "Pages of the ledger that this process has made durable.",
        |reading| reading.pages,
    ),
    (
        "ledger_entries",
        "Entries on pages that this process has made durable.",
        |reading| reading.entries,
    ),
    (
        "ledger_write_failures",
        "Tries to write a page of the ledger that failed.",
        |reading| reading.failures,
    ),
    (
        "ledger_withheld",
        "Answers that were withheld because their settlement did not become durable in time.",
        |reading| reading.withheld,
    ),
];

const GAUGES: [(&str, &str, Read); 3] = [
    (
        "ledger_waiting",
        "Entries of the ledger that wait to be written.",
        |reading| reading.waiting,
    ),
    (
        "ledger_failing",
        "Whether the ledger cannot be written now (1) or can (0).",
        |reading| u64::from(reading.failing),
    ),
    (
        "ledger_differences",
        "What the checks of this process found that must not be: anything above 0 is for a human.",
        |reading| reading.differences,
    ),
];

pub(super) fn encode(reading: &Reading, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (name, help, read) in COUNTERS {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&read(reading), None)?;
    }
    for (name, help, read) in GAUGES {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&read(reading))?;
    }
    let help = "What was settled and is not durable yet, in USD.";
    let name = "ledger_unwritten_usd";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    metric.encode_gauge(&(reading.unwritten as f64 / USD as f64))
}
