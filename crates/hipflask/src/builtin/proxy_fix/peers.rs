//! The peers whose headers count.

use std::net::IpAddr;

use crate::http::peer::Peer;

/// This machine and private networks (RFC 1918, RFC 4193).
pub(super) const PRIVATE: [&str; 7] =
    ["127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7", "unix"];

#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    networks: Vec<Network>,
    includes_unix: bool,
    /// What is wrong with those that are missing here.
    pub(super) problems: Vec<String>,
}

impl Peers {
    pub(super) fn new<S: AsRef<str>>(peers: impl IntoIterator<Item = S>) -> Peers {
        let mut all = Peers::default();
        for peer in peers {
            match (peer.as_ref(), Network::parse(peer.as_ref())) {
                ("unix", _) => all.includes_unix = true,
                (_, Some(network)) => all.networks.push(network),
                (peer, None) => all.problems.push(format!(
                    "`{peer}` is not a trusted peer; write an address, a network like `10.0.0.0/8`, or `unix`"
                )),
            }
        }
        all
    }

    pub(super) fn trust(&self, peer: Peer) -> bool {
        match peer {
            Peer::Memory => true,
            Peer::Unix => self.includes_unix,
            Peer::Network(address) => self.networks.iter().any(|network| network.contains(address.ip().to_canonical())),
        }
    }
}

/// The addresses that begin with the first `len` bits of `first`.
#[derive(Clone, Copy, Debug)]
struct Network {
    first: IpAddr,
    len: u32,
}

impl Network {
    /// One with bits beyond its length, like `10.1.0.0/8`, is a mistake.
    fn parse(text: &str) -> Option<Network> {
        let (first, len) = text.split_once('/').map_or((text, None), |(first, len)| (first, Some(len)));
        let first: IpAddr = first.parse().ok()?;
        let bits = if first.is_ipv4() { 32 } else { 128 };
        let len = len.map_or(Some(bits), |len| len.parse().ok()).filter(|len| *len <= bits)?;
        (leading(first, len) == number(first)).then_some(Network { first, len })
    }

    fn contains(self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && leading(address, self.len) == number(self.first)
    }
}

/// The address as a number, from its first bit on.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => address.into(),
    }
}

/// The first `len` bits of the address.
fn leading(address: IpAddr, len: u32) -> u128 {
    number(address) & u128::MAX.checked_shl(128 - len).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_alike() {
        for (network, address, is_in) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("172.16.0.0/12", "172.31.255.255", true),
            ("172.16.0.0/12", "172.32.0.0", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "203.0.113.1", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
            ("fc00::/7", "fdff::1", true),
            ("fc00::/7", "fe00::1", false),
            ("::1/128", "::1", true),
            ("::1", "::2", false),
        ] {
            let network = Network::parse(network).expect("a network");
            assert_eq!(network.contains(address.parse().expect("an address")), is_in, "{network:?} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_reported() {
        let bad = ["", "10.0.0.0/33", "10.1.0.0/8", "10/8", "::/129", "::1/0", "localhost", "10.0.0.0/", "Unix"];
        let peers = Peers::new(bad);
        assert_eq!(peers.problems.len(), bad.len(), "{:?}", peers.problems);
        assert!(peers.networks.is_empty() && !peers.includes_unix);
    }

    #[test]
    fn an_address_in_the_form_of_the_other_family_is_the_same() {
        let peers = Peers::new(PRIVATE);
        assert!(peers.trust(Peer::Network("[::ffff:10.0.0.1]:80".parse().expect("an address"))));
        assert!(!peers.trust(Peer::Network("[::ffff:192.0.2.1]:80".parse().expect("an address"))));
        assert!(peers.trust(Peer::Unix) && !Peers::new(["::1"]).trust(Peer::Unix));
    }
}
