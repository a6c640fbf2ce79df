//! Keyed hashes: HMAC-SHA-256 (RFC 2104) over the RustCrypto crates, with keys that never print.
//!
//! Out of scope: where secrets are kept, and what the signed bytes mean (see [`quote`](crate::quote)).

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::Error;

/// A secret of 32 bytes. Its `Debug` form shows no byte of it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// A key from its bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        // HMAC pads a key with zeros to the block size of 64 bytes, so padding it here changes nothing and cannot
        // fail.
        let mut block = [0; 64];
        block.iter_mut().zip(secret).for_each(|(to, from)| *to = *from);
        Self(Hmac::new(&block.into()))
    }

    /// A key from 64 hexadecimal digits.
    ///
    /// # Errors
    /// Says how long the text is, never what it is.
    pub fn from_hex(hex: &str) -> Result<Self, Error> {
        let fault = || Error::value("key", format!("{} characters", hex.len()), "64 hexadecimal digits");
        Ok(Self::new(&hex_bytes(hex).ok_or_else(fault)?))
    }

    /// The MAC of a message that is given in parts.
    pub fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.keyed(parts).finalize().into_bytes().into()
    }

    /// Whether `tag` is the MAC, or the first 16 or more bytes of the MAC, of a message; in constant time.
    pub fn verifies(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        tag.len() >= 16 && self.keyed(parts).verify_truncated_left(tag).is_ok()
    }

    fn keyed(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        parts.iter().for_each(|part| mac.update(part));
        mac
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(secret)")
    }
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub fn equal(a: &str, b: &str) -> bool {
    let key = Key::new(&[0; 32]);
    key.verifies(&[a.as_bytes()], &key.sign(&[b.as_bytes()]))
}

/// The first 16 bytes of SHA-256 over texts, each closed by a zero byte, as hexadecimal digits: to tell whether two
/// things are the same without keeping them.
///
/// ```
/// use haggle::mac::fingerprint;
/// assert_ne!(fingerprint(&["PUT", "/a", ""]), fingerprint(&["PUT", "/", "a"]));
/// ```
pub fn fingerprint(parts: &[&str]) -> String {
    digest16(parts).iter().fold(String::with_capacity(32), |text, byte| text + &format!("{byte:02x}"))
}

/// SHA-256 of a text in hexadecimal digits, as `sha256sum` prints that of a file.
///
/// ```
/// assert!(haggle::mac::sha256("abc").starts_with("ba7816bf8f01cfea"));
/// ```
pub fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

/// First 16 bytes of SHA-256 over the parts, each closed by a zero byte.
pub(crate) fn digest16(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut first = [0; 16];
    first.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    first
}

/// First 4 bytes of SHA-256: finds bytes that were cut or changed by accident.
pub(crate) fn digest4(bytes: &[u8]) -> [u8; 4] {
    let mut first = [0; 4];
    first.iter_mut().zip(Sha256::digest(bytes)).for_each(|(to, from)| *to = from);
    first
}

/// Exactly `N` bytes from twice as many hexadecimal digits.
pub(crate) fn hex_bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let digits: Vec<u8> = hex.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |b, d| b << 4 | d)).collect();
    if digits.len() == 2 * N { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2 has a short key; its zero-padded form is the same HMAC key.
    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let key = Key::new(&secret);
        let tag = key.sign(&[b"what do ya want ", b"for nothing?"]);
        let expected: [u8; 32] =
            hex_bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
        assert_eq!(tag, expected);
        assert!(key.verifies(&[b"what do ya want for nothing?"], &expected[..16]));
        assert!(!key.verifies(&[b"what do ya want for nothing!"], &expected[..16]));
        assert!(!key.verifies(&[b"what do ya want for nothing?"], &expected[..15]), "too short to trust");
    }

    #[test]
    fn only_the_same_secret_is_equal() {
        assert!(equal("token", "token") && equal("", ""));
        assert!(!equal("token", "token ") && !equal("token", "") && !equal("", "token"));
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits_and_is_never_printed() {
        assert!(Key::from_hex(&"a1".repeat(32)).is_ok());
        for bad in ["", "a1", &"a1".repeat(33), &"g1".repeat(32), &format!("{}é", "a1".repeat(31))] {
            let error = Key::from_hex(bad).unwrap_err().to_string();
            assert!(error.contains("64 hexadecimal digits") && !error.contains("a1a1"), "{error}");
        }
        assert_eq!(format!("{:?}", Key::new(&[7; 32])), "Key(secret)");
    }
}
