//! From which address a request comes: the connection's own, or what a trusted proxy says of it.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, HeaderValue};
use tollgate_core::address::AddressRange;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// No chain of proxies is longer.
const MOST_HOPS: usize = 32;

/// The address of the client. A proxy that is trusted has written behind the others, in
/// `X-Forwarded-For`, from whom it got the request: so the list is followed from its end, for as
/// long as those are trusted who speak. What stands further in front anybody could have written.
pub(crate) fn address(trusted: &[AddressRange], peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    if trusted.is_empty() || !is_trusted(peer) {
        return peer;
    }
    let mut client = peer;
    for hop in hops(headers).take(MOST_HOPS) {
        // What is no address tells nothing of who came before.
        let Some(address) = hop else { break };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    client
}

/// The addresses of the list, the last first. Several headers are one list.
fn hops(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let values = headers.get_all(FORWARDED_FOR);
    let values: Vec<_> = values.iter().map(HeaderValue::as_bytes).collect();
    let parts = values
        .into_iter()
        .rev()
        .flat_map(|value| value.rsplit(|byte| *byte == b','));
    parts
        .map(<[u8]>::trim_ascii)
        .filter(|part| !part.is_empty())
        .map(|part| std::str::from_utf8(part).ok().and_then(read))
}

/// An address, also with a port or in brackets.
fn read(text: &str) -> Option<IpAddr> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let address = bare.unwrap_or(text).parse::<IpAddr>().ok();
    let with_port = || Some(text.parse::<SocketAddr>().ok()?.ip());
    Some(address.or_else(with_port)?.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(trusted: &[&str], peer: &str, lines: &[&str]) -> String {
        let ranges = trusted.iter().map(|range| AddressRange::parse(range));
        let trusted: Vec<_> = ranges.map(Option::unwrap).collect();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        address(&trusted, peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let proxies = &["10.0.0.0/8", "2001:db8::/32"][..];
        for (trusted, peer, lines, client) in [
            // Nobody is trusted, or not this one.
            (&[][..], "10.0.0.1", &["192.0.2.1"][..], "10.0.0.1"),
            (proxies, "198.51.100.7", &["192.0.2.1"], "198.51.100.7"),
            // A trusted proxy tells.
            (proxies, "10.0.0.1", &[], "10.0.0.1"),
            (proxies, "10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            (proxies, "::ffff:10.0.0.1", &["192.0.2.1"], "192.0.2.1"),
            // The client wrote something in front.
            (proxies, "10.0.0.1", &["6.6.6.6, 192.0.2.1"], "192.0.2.1"),
            (proxies, "10.0.0.1", &["6.6.6.6", "192.0.2.1"], "192.0.2.1"),
            // Two proxies.
            (proxies, "10.0.0.1", &["192.0.2.1 ,10.9.9.9"], "192.0.2.1"),
            (
                proxies,
                "10.0.0.1",
                &["6.6.6.6,192.0.2.1", "10.9.9.9"],
                "192.0.2.1",
            ),
            // All of them are ours: a request from inside.
            (proxies, "10.0.0.1", &["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
            // What is no address ends the list.
            (proxies, "10.0.0.1", &["192.0.2.1, unknown"], "10.0.0.1"),
            (proxies, "10.0.0.1", &["192.0.2.1, x, 10.2.2.2"], "10.2.2.2"),
            // Other ways to write them.
            (proxies, "10.0.0.1", &["192.0.2.1:4711"], "192.0.2.1"),
            (
                proxies,
                "2001:db8::1",
                &["[2001:db9::7]:443"],
                "2001:db9::7",
            ),
            (proxies, "10.0.0.1", &["[2001:db9::7]"], "2001:db9::7"),
            (proxies, "10.0.0.1", &["2001:db9::7,, "], "2001:db9::7"),
        ] {
            assert_eq!(seen(trusted, peer, lines), client, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_list_without_an_end_is_not_read_to_its_end() {
        let line = format!("192.0.2.1{}", ", 10.0.0.2".repeat(100));
        assert_eq!(seen(&["10.0.0.0/8"], "10.0.0.1", &[&line]), "10.0.0.2");
    }
}
