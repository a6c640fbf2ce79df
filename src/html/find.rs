//! Where the next byte of interest stands, eight bytes at a time: texts and scripts are most of a page.
//!
//! Out of scope: `memchr`, which is slower than this where there are no vector instructions (the Worker).

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The high bit of each byte that is equal to the one in `pattern`, exact up to the lowest such byte.
#[inline(always)]
fn equal(word: u64, pattern: u64) -> u64 {
    let difference = word ^ pattern;
    difference.wrapping_sub(ONES) & !difference & HIGHS
}

/// Position of the first of either byte at or after `from`; the two may be the same byte.
pub(super) fn either(bytes: &[u8], from: usize, one: u8, other: u8) -> Option<usize> {
    let (one_pattern, other_pattern) = (ONES * u64::from(one), ONES * u64::from(other));
    let rest = bytes.get(from..)?;
    let (words, tail) = rest.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let hits = equal(word, one_pattern) | equal(word, other_pattern);
        if hits != 0 {
            return Some(from + index * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let at = tail.iter().position(|&byte| byte == one || byte == other)?;
    Some(from + words.len() * 8 + at)
}

/// Position of the first such byte at or after `from`.
pub(super) fn byte(bytes: &[u8], from: usize, wanted: u8) -> Option<usize> {
    either(bytes, from, wanted, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_first_one(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'<'), Just(b'>'), Just(b'=')], 0..64),
            from in 0_usize..70,
        ) {
            let slow = |a: u8, b: u8| {
                (from..bytes.len()).find(|&at| bytes[at] == a || bytes[at] == b)
            };
            prop_assert_eq!(either(&bytes, from, b'<', b'>'), slow(b'<', b'>'));
            prop_assert_eq!(byte(&bytes, from, 0), slow(0, 0));
        }
    }
}
