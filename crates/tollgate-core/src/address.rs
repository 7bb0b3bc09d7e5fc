//! Ranges of internet addresses.

use std::fmt;
use std::net::IpAddr;

/// Addresses that share their first bits, as in `10.0.0.0/8` or `2001:db8::/32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    base: u128,
    /// How many of 128 bits are shared. Addresses of IPv4 are those behind `::ffff:0:0/96`.
    bits: u8,
}

impl AddressRange {
    /// Reads an address, or one with the number of its shared bits. `None` for anything else, and
    /// where bits are set behind the shared ones.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            None => (text, None),
            Some((address, bits)) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                (address, Some(bits.parse::<u8>().ok()?))
            }
            Some(_) => return None,
        };
        let address: IpAddr = address.parse().ok()?;
        let (longest, lead) = if address.is_ipv4() {
            (32, 96)
        } else {
            (128, 0)
        };
        let bits = bits.unwrap_or(longest);
        if bits > longest {
            return None;
        }
        let range = Self {
            base: wide(address),
            bits: bits + lead,
        };
        (range.base & !range.mask() == 0).then_some(range)
    }

    /// Whether an address is among them.
    pub fn contains(self, address: IpAddr) -> bool {
        wide(address) & self.mask() == self.base
    }

    /// Whether all of another range are among them.
    pub fn covers(self, other: Self) -> bool {
        self.bits <= other.bits && other.base & self.mask() == self.base
    }

    fn mask(self) -> u128 {
        u128::MAX
            .checked_shl(128 - u32::from(self.bits))
            .unwrap_or(0)
    }
}

/// An address as a number; one of IPv4 as the address of IPv6 that stands for it.
fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = std::net::Ipv6Addr::from_bits(self.base);
        match address.to_ipv4_mapped().filter(|_| self.bits >= 96) {
            Some(address) => write!(formatter, "{address}/{}", self.bits - 96),
            None => write!(formatter, "{address}/{}", self.bits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_the_addresses_that_share_its_bits() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.1.2.3", "11.0.0.0"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("0.0.0.0/0", "255.1.2.3", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::"),
            ("::/0", "10.0.0.1", ""),
        ] {
            let parsed = AddressRange::parse(range).unwrap();
            assert!(parsed.contains(inside.parse().unwrap()), "{range}");
            if !outside.is_empty() {
                assert!(!parsed.contains(outside.parse().unwrap()), "{range}");
            }
            assert_eq!(AddressRange::parse(&parsed.to_string()), Some(parsed));
        }
        for (range, other, covered) in [
            ("10.0.0.0/8", "10.0.0.0/8", true),
            ("10.0.0.0/8", "10.1.0.0/16", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("10.0.0.0/8", "10.0.0.0/7", false),
            ("10.0.0.0/8", "11.0.0.0/16", false),
            ("10.0.0.0/8", "::/0", false),
            ("::/0", "0.0.0.0/0", true),
            ("0.0.0.0/0", "2001:db8::1", false),
        ] {
            let [one, two] = [range, other].map(|text| AddressRange::parse(text).unwrap());
            assert_eq!(one.covers(two), covered, "{range} {other}");
        }
        // The same address in the words of the other family.
        let range = AddressRange::parse("10.0.0.0/8").unwrap();
        assert!(range.contains("::ffff:10.0.0.1".parse().unwrap()));
        for text in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0/8",
            "x",
            "::1/129",
            "1.2.3.4/+8",
        ] {
            assert_eq!(AddressRange::parse(text), None, "{text}");
        }
    }
}
