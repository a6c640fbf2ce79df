//! Where the administration's host is, and that no credential goes there in the clear.

use std::net::IpAddr;

use crate::Failure;

/// The administration's host, as it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Scheme and authority to connect to.
    origin: String,
    /// What the host is called, where it is connected to under another name.
    host: Option<String>,
}

impl Address {
    /// Reads `https://…`, or `http://…` of this machine.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let refused = |why: &str| -> Failure { format!("address {text:?}: {why}").into() };
        let wrong = "it must be the administration's host, such as https://haggle-admin.example.com";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refused(wrong))?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let is_plain = |sign: char| sign.is_ascii_alphanumeric() || ".-:[]_".contains(sign);
        if authority.is_empty() || !authority.chars().all(is_plain) {
            return Err(refused(&format!("{wrong}, without path, query or password")));
        }
        let scheme = scheme.to_ascii_lowercase();
        let host = host_of(authority).to_ascii_lowercase();
        match scheme.as_str() {
            "https" => Ok(Self { origin: format!("https://{authority}"), host: None }),
            "http" if is_of_this_machine(&host) => Ok(Self::of_this_machine(authority, &host)),
            "http" => Err(refused("the token would travel in the clear; it must be https")),
            _ => Err(refused(wrong)),
        }
    }

    /// Not every resolver knows that all of `*.localhost` is this machine (RFC 6761, 6.3).
    fn of_this_machine(authority: &str, host: &str) -> Self {
        if !host.ends_with(".localhost") {
            return Self { origin: format!("http://{authority}"), host: None };
        }
        let port = authority.rsplit_once(':').map_or("80", |(_, port)| port);
        Self { origin: format!("http://127.0.0.1:{port}"), host: Some(authority.to_owned()) }
    }

    /// The address of a path, to connect to.
    pub fn of(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The header `Host`, where it is not that of the address.
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// Whether it is on this machine, where no proxy stands between.
    pub fn is_local(&self) -> bool {
        self.origin.starts_with("http://")
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Some(host) => write!(f, "http://{host}"),
            None => write!(f, "{}", self.origin),
        }
    }
}

/// An authority without its port.
fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split(':').next().unwrap_or_default(),
    }
}

fn is_of_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_this_machine_needs_no_resolver() {
        let address = Address::read("http://admin.localhost:8787/").unwrap();
        assert_eq!(address.of("/haggle/health"), "http://127.0.0.1:8787/haggle/health");
        assert_eq!(address.host(), Some("admin.localhost:8787"));
        assert_eq!(address.to_string(), "http://admin.localhost:8787");
    }

    #[test]
    fn a_token_never_travels_in_the_clear() {
        for wrong in [
            "http://admin.example.com",
            "http://10.0.0.1:8787",
            "http://localhost.example.com",
            "http://127.0.0.1@example.com",
            "http://127.0.0.1.example.com",
            "ftp://localhost",
            "admin.example.com",
            "https://admin.example.com/haggle",
            "https://u:p@admin.example.com",
            "https://",
            "",
        ] {
            assert!(Address::read(wrong).is_err(), "{wrong}");
        }
        for (right, is_local) in [
            ("https://admin.example.com", false),
            ("HTTPS://admin.example.com:8443/", false),
            ("http://localhost:8787", true),
            ("http://127.0.0.1:8787", true),
            ("http://[::1]:8787", true),
        ] {
            let address = Address::read(right).unwrap();
            assert_eq!((address.is_local(), address.host()), (is_local, None), "{right}");
        }
    }
}
