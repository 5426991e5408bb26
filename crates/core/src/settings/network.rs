//! Client networks in CIDR notation (RFC 4632, RFC 4291 section 2.3).

use std::net::IpAddr;

use ipnet::IpNet;

use super::DeviceIp;
use super::duration::digits;

/// An address block in CIDR notation. IPv4 is held as itself, not mapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

impl Network {
    /// Parses `address/prefix`, or an address alone. Bits behind the prefix must be zero: a network such as
    /// `10.0.0.1/8` is more likely a slip than a wish.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let network = match text.split_once('/') {
            Some((address, prefix)) => {
                let prefix = u8::try_from(digits(prefix)?).ok()?;
                IpNet::new(address.parse().ok()?, prefix).ok()?
            }
            None => IpNet::from(text.parse::<IpAddr>().ok()?),
        };
        (network.trunc() == network).then_some(Self(network))
    }

    /// True when `address` lies in this network. An IPv4 address mapped into IPv6 counts as the IPv4 address it is.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl DeviceIp {
    /// What is kept of a client's address: all of it, its /24 or /48 network, or nothing; never what is no address.
    pub fn kept(self, address: &str) -> Option<String> {
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let prefix = if address.is_ipv4() { 24 } else { 48 };
        match self {
            Self::Coarse => Some(IpNet::new(address, prefix).ok()?.trunc().to_string()),
            Self::Full => Some(address.to_string()),
            Self::None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Network;
    use crate::settings::DeviceIp;
    use crate::settings::testing::parsed;

    #[test]
    fn addresses_are_matched_by_their_leading_bits() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::1", "::1", true),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db9::1", true),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(
                network.contains(address.parse().unwrap()),
                inside,
                "{network:?} {address}"
            );
        }
    }

    #[test]
    fn of_a_client_address_no_more_is_kept_than_the_setting_says() {
        for (address, coarse, full) in [
            ("203.0.113.77", Some("203.0.113.0/24"), Some("203.0.113.77")),
            (
                "::ffff:203.0.113.77",
                Some("203.0.113.0/24"),
                Some("203.0.113.77"),
            ),
            (
                "2001:db8:1:2::3",
                Some("2001:db8:1::/48"),
                Some("2001:db8:1:2::3"),
            ),
            ("someone's phone", None, None),
            ("", None, None),
        ] {
            assert_eq!(
                DeviceIp::Coarse.kept(address).as_deref(),
                coarse,
                "{address}"
            );
            assert_eq!(DeviceIp::Full.kept(address).as_deref(), full, "{address}");
            assert_eq!(DeviceIp::None.kept(address), None);
        }
    }

    #[test]
    fn keyless_clients_are_those_of_the_listed_networks() {
        let settings = parsed(&[("LEGACY_KEYLESS_ALLOW", "127.0.0.1,10.0.0.0/8")]);
        for (address, is_allowed) in [
            ("127.0.0.1", true),
            ("10.9.8.7", true),
            ("11.0.0.1", false),
            ("::1", false),
            ("", false),
            ("10.0.0.0/8", false),
        ] {
            assert_eq!(
                settings.allows_keyless_client(address),
                is_allowed,
                "{address}"
            );
        }
        assert!(!parsed(&[]).allows_keyless_client("127.0.0.1"));
    }

    #[test]
    fn malformed_networks_are_refused() {
        for text in [
            "",
            "10.0.0.1/8",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "::/129",
            "host",
            "1.2.3",
            "1.2.3.4/8/8",
        ] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
