//! The bytes of a snapshot: fixed records, little endian, read in place.
//!
//! ```text
//! header, 64 bytes   0 magic "haggle\r\n"   8 checksum [4] (first bytes of SHA-256 over all that follows it)
//!                   12 format u16
//!                   16 version u64         24 published_at_ms u64
//!                   32 experiments u32     36 arms u32     40 items u32     44 length of the text u32
//!                   48 numbers u32  | 52 length of the site u32   56 flags u32 (bit 0: stopped)
//! experiment, 152    0 name (text)   8 seed [16]   24 first arm u32   28 epoch u32   32 reward window u32 (seconds)
//!                   36 holdout u32  40 floor u32   44 currency [3]    48 arms u8     49 control u8
//!                   50 objective u8 51 policy u8   52 tag u32
//!                   56 policy's parameters [2] f64                    72 horizon u64 (0: unknown)
//!                   80 pieces left f64 (below 0: no limit)            88 units to come f64
//!                   96 first number u32                              100 numbers u32
//!                 | 104 floor minor i64             112 ceiling minor i64      120 grid minor u32
//!                   124 flags u32 (bit 0: stopped, bit 1: personal data)       128 endings [10] u16 (65535: none)
//! arm, 88            0 name (text)   8 price_minor i64   16 value_minor i64   24 posterior [4] f64
//!                   56 exposures f64   64 conversions f64   72 loss f64
//!                   80 fixed share u32   84 live u8   85 reward model u8
//! item, 24           0 sku (text)    8 catalogue price_minor i64   16 experiment u32;  sorted by sku
//! number, 8          f64: of a contrast, the means and then the factor
//! text               UTF-8; a (text) is offset u32, length u16, two zero bytes
//! site               the site in JSON, UTF-8; nothing is the empty site
//! ```
//!
//! What is not named is zero. This is format 3. Format 2, which stays readable because deployments overlap, is without
//! what stands after the dividing lines: its header ends at 56 and its experiment at 104, any price lies within its guardrails, nothing is
//! stopped, and the site is the empty one. A newer format is refused.

use crate::Error;

pub(super) const MAGIC: &[u8; 8] = b"haggle\r\n";
pub(super) const CHECKSUM_FROM: usize = 12;
pub(super) const ARM: usize = 88;
pub(super) const ITEM: usize = 24;
pub(super) const NUMBER: usize = 8;

/// What differs between the formats: the sizes of the header and of an experiment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Layout {
    pub format: u16,
    pub header: usize,
    pub experiment: usize,
}

/// Bit of the header's flags and of an experiment's.
pub(super) const STOPPED: u32 = 1;

/// Bit of an experiment's flags.
pub(super) const PERSONAL_DATA: u32 = 2;

/// What stands in the place of an ending that is not there.
pub(super) const NO_ENDING: u16 = u16::MAX;

/// What is written.
pub(super) const NEWEST: Layout = Layout { format: 3, header: 64, experiment: 152 };

const BEFORE: Layout = Layout { format: 2, header: 56, experiment: 104 };

impl Layout {
    /// The layout of a format.
    pub(super) fn of(format: u16) -> Result<Self, Error> {
        [NEWEST, BEFORE].into_iter().find(|layout| layout.format == format).ok_or_else(|| {
            Error::snapshot(format!("its format is {format}; this build reads the formats 2 and 3"))
        })
    }

    /// Whether records have what format 3 added.
    pub(super) fn is_newest(self) -> bool {
        self == NEWEST
    }
}

/// Reads numbers at fixed places of a record; whatever lies outside of the bytes is an error.
#[derive(Clone, Copy)]
pub(super) struct Record<'a>(pub &'a [u8]);

impl<'a> Record<'a> {
    pub(super) fn bytes<const N: usize>(self, at: usize) -> Result<[u8; N], Error> {
        let field = at.checked_add(N).and_then(|end| self.0.get(at..end));
        field.and_then(|field| field.try_into().ok()).ok_or_else(|| Error::snapshot("it ends too early"))
    }

    pub(super) fn u8(self, at: usize) -> Result<u8, Error> {
        self.bytes::<1>(at).map(|[byte]| byte)
    }

    pub(super) fn u16(self, at: usize) -> Result<u16, Error> {
        self.bytes(at).map(u16::from_le_bytes)
    }

    pub(super) fn u32(self, at: usize) -> Result<u32, Error> {
        self.bytes(at).map(u32::from_le_bytes)
    }

    pub(super) fn u64(self, at: usize) -> Result<u64, Error> {
        self.bytes(at).map(u64::from_le_bytes)
    }

    pub(super) fn i64(self, at: usize) -> Result<i64, Error> {
        self.bytes(at).map(i64::from_le_bytes)
    }

    pub(super) fn f64(self, at: usize) -> Result<f64, Error> {
        self.bytes(at).map(f64::from_le_bytes)
    }

    /// The text that the record refers to.
    pub(super) fn text(self, at: usize, pool: &'a [u8]) -> Result<&'a str, Error> {
        let (from, length) = (self.u32(at)? as usize, usize::from(self.u16(at + 4)?));
        let bytes = from.checked_add(length).and_then(|end| pool.get(from..end));
        let bytes = bytes.ok_or_else(|| Error::snapshot("a name lies outside of the text"))?;
        std::str::from_utf8(bytes).map_err(|_| Error::snapshot("a name is not UTF-8"))
    }
}

/// Collects texts and gives references to them.
#[derive(Default)]
pub(super) struct TextPool(pub Vec<u8>);

impl TextPool {
    pub(super) fn add(&mut self, text: &str) -> [u8; 8] {
        let from = (self.0.len() as u32).to_le_bytes();
        let length = (text.len() as u16).to_le_bytes();
        self.0.extend_from_slice(text.as_bytes());
        let mut reference = [0; 8];
        reference.iter_mut().zip(from.into_iter().chain(length)).for_each(|(to, byte)| *to = byte);
        reference
    }
}

/// A record under construction: fields in the order of the layout, with zeros up to its size at the end.
pub(super) struct Draft {
    bytes: Vec<u8>,
    size: usize,
}

impl Draft {
    pub(super) fn new(size: usize) -> Self {
        Self { bytes: Vec::with_capacity(size), size }
    }

    pub(super) fn put(mut self, field: &[u8]) -> Self {
        self.bytes.extend_from_slice(field);
        self
    }

    pub(super) fn finish(mut self, into: &mut Vec<u8>) {
        self.bytes.resize(self.size, 0);
        into.append(&mut self.bytes);
    }
}
