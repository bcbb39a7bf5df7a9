//! Which requests go through a proxy.
//!
//! There is no standard. These are the rules of curl, and those of Go where curl has none: a name covers its subdomains, with
//! or without a leading dot or `*.`; `*` covers everything; an address may be a block (`10.0.0.0/8`); a port narrows an entry
//! down. This machine is never asked through a proxy.

use ::core::net::IpAddr;

use super::Url;

/// Whether `no_proxy`, the value of `NO_PROXY`, keeps a request away from the proxy.
pub fn is_direct(url: &Url, no_proxy: &str) -> bool {
    let host = url.host().trim_start_matches('[').trim_end_matches(']');
    url.is_loopback() || entries(no_proxy).any(|entry| covers(&entry, host, url.port()))
}

fn entries(no_proxy: &str) -> impl Iterator<Item = String> {
    let entries = no_proxy.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(str::to_ascii_lowercase)
}

fn covers(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        // More than one colon is an address of version 6.
        Some((name, wanted)) if !name.contains(':') || name.ends_with(']') => (name, wanted.parse().ok()),
        _ => (entry, None),
    };
    if wanted.is_some_and(|wanted: u16| wanted != port) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        let (block, bits) =
            name.split_once('/').map_or((name, None), |(block, bits)| (block, bits.parse().ok()));
        let Ok(block) = block.parse::<IpAddr>() else { return false };
        return in_block(address, block, bits.unwrap_or(128));
    }
    let name = name.trim_start_matches('*').trim_start_matches('.');
    let before = host.strip_suffix(name);
    !name.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether the first `bits` of both addresses are the same.
fn in_block(address: IpAddr, block: IpAddr, bits: u32) -> bool {
    let differ = match (address, block) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => return false,
    };
    let length = if address.is_ipv4() { 32 } else { 128 };
    differ >= bits.min(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_cover_what_they_cover_in_curl_and_go() {
        let table = [
            ("", "https://a.io", false),
            ("*", "https://a.io", true),
            ("a.io", "https://a.io", true),
            ("a.io", "https://b.a.io", true),
            ("a.io", "https://ba.io", false),
            (".a.io", "https://b.a.io", true),
            ("*.a.io", "https://b.a.io", true),
            ("b.io, A.io ,c.io", "https://a.io", true),
            ("b.io A.io", "https://a.io", true),
            ("a.io:5000", "https://a.io:5000", true),
            ("a.io:5000", "https://a.io", false),
            ("10.0.0.0/8", "https://10.9.8.7", true),
            ("10.0.0.0/8", "https://11.9.8.7", false),
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3", "https://10.1.2.30", false),
            ("0.0.0.0/0", "https://1.2.3.4", true),
            ("fd00::/8", "https://[fd12::1]", true),
            ("[fd00::1]:443", "https://[fd00::1]", true),
            (".", "https://a.io", false),
            ("", "http://127.0.0.1:5000", true),
            ("", "http://localhost", true),
        ];
        for (no_proxy, url, direct) in table {
            assert_eq!(is_direct(&url.parse().unwrap(), no_proxy), direct, "{no_proxy} {url}");
        }
    }
}
