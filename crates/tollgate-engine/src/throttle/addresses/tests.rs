use std::time::Duration;

use tollgate_core::limit::{RateLimits, Readings};

use super::*;

const LIMITS: RateLimits = RateLimits {
    rpm: Some(60),
    tpm: None,
    parallel: Some(5),
    burst: None,
};

fn at(seconds: u64) -> Moment {
    Moment::after_start(Duration::from_secs(seconds))
}

fn of(text: &str) -> Address {
    Address::of(text.parse().unwrap())
}

fn come(addresses: &Addresses, address: Address, now: Moment) -> u64 {
    addresses.with(address, now, |usage| {
        usage.admit(&LIMITS, now).unwrap();
        let Readings { requests, .. } = usage.read(&LIMITS, now);
        requests.unwrap().1.remaining
    })
}

#[test]
fn an_address_of_ipv6_is_its_network_and_one_of_ipv4_is_itself() {
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    assert_ne!(of("0.0.0.1"), of("::1"));
    assert_ne!(of("0.0.0.0"), of("::"));
}

#[test]
fn what_an_address_has_used_is_found_again() {
    let addresses = Addresses::default();
    assert_eq!(come(&addresses, of("192.0.2.1"), at(0)), 59);
    assert_eq!(come(&addresses, of("192.0.2.2"), at(0)), 59);
    assert_eq!(come(&addresses, of("192.0.2.1"), at(0)), 58);
}

#[test]
fn any_number_of_addresses_finds_room_in_a_table_of_a_fixed_size() {
    let addresses = Addresses::default();
    for network in 0..200_000_u128 {
        come(&addresses, Address(network), at(0));
    }
    let entries = |shard: &Mutex<Shard>| shard.lock().unwrap().0.len() * GROUP;
    let all: usize = addresses.shards.iter().map(entries).sum();
    assert_eq!(all, 65_536);
    assert!(
        all * size_of::<Entry>() <= 7 << 20,
        "{}",
        size_of::<Entry>()
    );
}

#[test]
fn the_one_that_was_silent_for_longest_makes_room_and_the_busy_ones_stay() {
    let mut group = [Entry::EMPTY; GROUP];
    for number in 0..8 {
        let entry = place(&mut group, Address(number)).unwrap();
        entry.seen = at(10 + u64::try_from(number).unwrap());
        entry.usage.admit(&LIMITS, at(10)).unwrap();
    }
    // Two have ended, the later one of them long ago by now.
    for ended in [3, 5] {
        place(&mut group, Address(ended)).unwrap().usage.leave();
    }
    for new in [100, 101] {
        let entry = place(&mut group, Address(new)).unwrap();
        entry.seen = at(100);
        entry.usage.admit(&LIMITS, at(100)).unwrap();
    }
    let mut there: Vec<_> = group.iter().map(|entry| entry.address.0).collect();
    there.sort_unstable();
    assert_eq!(there, [0, 1, 2, 4, 6, 7, 100, 101]);
    // All of them are busy: the oldest goes.
    place(&mut group, Address(102)).unwrap();
    assert!(group.iter().all(|entry| entry.address.0 != 0));
}

#[test]
fn without_a_limit_there_is_no_table() {
    let addresses = Addresses::default();
    let entries = |shard: &Mutex<Shard>| shard.lock().unwrap().0.len();
    assert_eq!(addresses.shards.iter().map(entries).sum::<usize>(), 0);
}
