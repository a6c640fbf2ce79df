//! The bytes of a page between coming in and going out, and what is to change in them.
//!
//! Positions are those in the whole page as it came.

use std::ops::Range;

use super::{Field, Output};

/// Bytes that have not gone out yet.
#[derive(Debug, Default)]
pub(super) struct Flow {
    bytes: Vec<u8>,
    /// Position of the first of them.
    base: usize,
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    range: Range<usize>,
    to: To,
}

#[derive(Debug)]
enum To {
    Bytes(Vec<u8>),
    Field { sku: String, name: String },
}

impl Flow {
    /// Takes the next bytes in.
    pub(super) fn take_in(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// All that has not gone out.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Position of the first byte that has not gone out.
    pub(super) fn base(&self) -> usize {
        self.base
    }

    /// Bytes that have not gone out, by their positions in the page.
    pub(super) fn get(&self, range: &Range<usize>) -> &[u8] {
        let within = range.start.saturating_sub(self.base)..range.end.saturating_sub(self.base);
        self.bytes.get(within).unwrap_or_default()
    }

    /// Puts other bytes into the place of some that have not gone out.
    pub(super) fn change(&mut self, range: Range<usize>, bytes: Vec<u8>) {
        self.changes.push(Change { range, to: To::Bytes(bytes) });
    }

    /// Marks the place of a hidden field.
    pub(super) fn field(&mut self, at: usize, sku: String, name: String) {
        self.changes.push(Change { range: at..at, to: To::Field { sku, name } });
    }

    /// Lets all before a position go out, with its changes.
    pub(super) fn release(&mut self, until: usize, output: &mut Output) {
        let count = until.saturating_sub(self.base).min(self.bytes.len());
        let until = self.base + count;
        // In their order already, but where a surface had to wait for its item or a field for its price.
        self.changes.sort_by_key(|change| change.range.start);
        let due = self.changes.partition_point(|change| change.range.start < until);
        let mut at = self.base;
        for change in self.changes.drain(..due).collect::<Vec<_>>() {
            // None overlap; if any did, the page would still be whole.
            if change.range.start < at || change.range.end > until {
                continue;
            }
            output.bytes.extend_from_slice(self.get(&(at..change.range.start)));
            at = change.range.end;
            self.put(change.to, output);
        }
        output.bytes.extend_from_slice(self.get(&(at..until)));
        self.bytes.drain(..count);
        self.base = until;
    }

    /// Lets everything go out: the page is at its end.
    pub(super) fn finish(mut self, output: &mut Output) {
        self.release(usize::MAX, output);
        for change in std::mem::take(&mut self.changes) {
            self.put(change.to, output);
        }
    }

    fn put(&self, to: To, output: &mut Output) {
        match to {
            To::Bytes(bytes) => output.bytes.extend_from_slice(&bytes),
            To::Field { sku, name } => output.fields.push(Field { at: output.bytes.len(), sku, name }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_go_out_in_the_order_of_the_page_whenever_they_were_made() {
        let (mut flow, mut output) = (Flow::default(), Output::default());
        flow.take_in(b"one two");
        flow.release(4, &mut output);
        flow.take_in(b" three four");
        flow.field(13, "A".into(), "q".into());
        flow.change(8..13, b"3".to_vec());
        flow.change(4..7, b"2".to_vec());
        flow.release(7, &mut output);
        assert_eq!((output.bytes.as_slice(), output.fields.len()), (&b"one 2"[..], 0));
        flow.finish(&mut output);
        assert_eq!(output.bytes, b"one 2 3 four");
        assert_eq!(output.fields, [Field { at: 7, sku: "A".into(), name: "q".into() }]);
    }

    #[test]
    fn a_change_that_overlaps_another_loses_no_byte() {
        let (mut flow, mut output) = (Flow::default(), Output::default());
        flow.take_in(b"abcdef");
        flow.change(0..3, b"x".to_vec());
        flow.change(2..4, b"y".to_vec());
        flow.change(5..9, b"z".to_vec());
        flow.field(6, "A".into(), "q".into());
        flow.finish(&mut output);
        assert_eq!((output.bytes.as_slice(), output.fields.len()), (&b"xdef"[..], 1));
    }
}
