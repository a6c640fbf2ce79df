//! The bytes of a snapshot: fixed records, little endian, read in place.
//!
//! ```text
//! header, 64 bytes   0 magic "haggle\r\n"   8 checksum [4] (first bytes of SHA-256 over all that follows it)
//!                   12 format u16
//!                   16 version u64         24 published_at_ms u64
//!                   32 experiments u32     36 arms u32     40 items u32     44 length of the text u32
//!                   48 numbers u32         52 length of the site u32        56 flags u32 (bit 0: stopped)
//!                 | 60 prices u32
//! experiment, 168    0 name (text)   8 seed [16]   24 first arm u32   28 epoch u32   32 reward window u32 (seconds)
//!                   36 holdout u32  40 floor u32   44 currency [3]    48 arms u8     49 control u8
//!                   50 objective u8 51 policy u8   52 tag u32
//!                   56 policy's parameters [2] f64                    72 horizon u64 (0: unknown)
//!                   80 pieces left f64 (below 0: no limit)            88 units to come f64
//!                   96 first number u32                              100 numbers u32
//!                  104 floor minor i64             112 ceiling minor i64      120 grid minor u32
//!                  124 flags u32 (bit 0: stopped, bit 1: personal data, bit 2: paused, bit 3: families share an arm,
//!                      bit 4: items of the catalogue)                 128 endings [10] u16 (65535: none)
//!                 |148 unit u8             152 until_ms u64 (0: unknown)      160 opened_at_min u32
//! arm, 88            0 name (text)   8 price_minor i64   16 value_minor i64   24 posterior [4] f64
//!                   56 exposures f64   64 conversions f64   72 loss f64
//!                   80 fixed share u32   84 live u8   85 reward model u8 | 86 flags u8 (bit 0: entering)
//! item, 40           0 sku (text)    8 catalogue price_minor i64   16 experiment u32;  sorted by sku
//!                 | 20 first price u32      24 floor minor u32    28 ceiling minor u32
//!                   32 propensity u32       36 arm u8 (255: that of the visitor)       37 flags u8 (bit 0: negative)
//! price, 4           u32: the price of an item on each arm of its experiment, in the order of the arms; none of a negative
//!                    item
//! number, 8          f64: of a contrast, the means and then the factor
//! text               UTF-8; a (text) is offset u32, length u16, two zero bytes
//! site               the site in JSON, UTF-8; nothing is the empty site
//! ```
//!
//! What is not named is zero. This is format 4. Format 3, which stays readable because deployments overlap, is without what
//! stands after the dividing lines (its experiment has 152 bytes, its item 24) and without prices: see `before`. A newer
//! format is refused.

use crate::Error;
use crate::experiment::Unit;

pub(super) const MAGIC: &[u8; 8] = b"haggle\r\n";
pub(super) const CHECKSUM_FROM: usize = 12;
pub(super) const FORMAT: u16 = 4;
pub(super) const FORMAT_BEFORE: u16 = 3;
pub(super) const HEADER: usize = 64;
pub(super) const EXPERIMENT: usize = 168;
pub(super) const ARM: usize = 88;
pub(super) const ITEM: usize = 40;
pub(super) const PRICE: usize = 4;
pub(super) const NUMBER: usize = 8;

/// Bit of the header's flags and of an experiment's.
pub(super) const STOPPED: u32 = 1;

/// Bits of an experiment's flags.
pub(super) const PERSONAL_DATA: u32 = 2;
pub(super) const PAUSED: u32 = 4;
pub(super) const FAMILIES: u32 = 8;
pub(super) const MANY_ITEMS: u32 = 16;

/// Where the flags of an experiment stand.
pub(super) const EXPERIMENT_FLAGS: usize = 124;

/// Bit of an arm's flags.
pub(super) const ENTERING: u8 = 1;

/// Bit of an item's flags.
pub(super) const NEGATIVE: u8 = 1;

/// The arm of an item that each visitor has an arm for.
pub(super) const NO_ARM: u8 = u8::MAX;

/// What stands in the place of an ending that is not there.
pub(super) const NO_ENDING: u16 = u16::MAX;

/// What is randomised, by its code in an experiment's record; format 3 knew visitors only.
pub(super) const UNITS: [Unit; 4] = [Unit::Visitor, Unit::Item, Unit::Family, Unit::ItemPeriod];

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
