//! Paths whose pages came out clean in this isolate: in mode `proven` they stream from then on.
//!
//! Out of scope: what clean is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use haggle::Snapshot;

/// Paths that are kept; then the one that was not asked for the longest goes.
const PATHS_MAX: usize = 1024;

/// A longer path stays on probation: nobody shall fill the memory with them.
const PATH_BYTES_MAX: usize = 256;

struct Proofs {
    /// What the proofs hold for: the site, the items and their arms.
    mark: u64,
    /// Grows with each use.
    clock: u64,
    /// When each path was asked for last.
    paths: BTreeMap<String, u64>,
}

thread_local! {
    /// Version and mark of the snapshot that was asked about last.
    static MARK: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    static PROOFS: RefCell<Proofs> = const { RefCell::new(Proofs { mark: 0, clock: 0, paths: BTreeMap::new() }) };
}

/// A number for a snapshot's site and prices: another one wherever a page could come out otherwise.
pub fn mark_of(snapshot: &Snapshot) -> u64 {
    let (version, mark) = MARK.get();
    if version == snapshot.version() && version != 0 {
        return mark;
    }
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    hash.add(snapshot.site_json());
    for (sku, item) in snapshot.items() {
        hash.add(sku.as_bytes());
        hash.add(&item.price_minor().to_le_bytes());
        hash.add(&[u8::from(item.experiment().uses_personal_data())]);
        let prices = (0..item.experiment().arms().len()).filter_map(|arm| item.price_of(arm));
        prices.for_each(|price| hash.add(&price.to_le_bytes()));
    }
    MARK.set((snapshot.version(), hash.0));
    hash.0
}

/// The hash of Fowler, Noll and Vo (1a, 64 bits): here nobody gains by a collision.
struct Fnv(u64);

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes.iter().chain(&[0]) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Whether the last page of a path came out clean, with the same site and items.
pub fn is_proven(mark: u64, path: &str) -> bool {
    PROOFS.with_borrow_mut(|proofs| {
        proofs.clock += 1;
        let clock = proofs.clock;
        let last = proofs.paths.get_mut(path).filter(|_| proofs.mark == mark);
        last.map(|last| *last = clock).is_some()
    })
}

/// A page of a path came out clean.
pub fn prove(mark: u64, path: &str) {
    if path.len() > PATH_BYTES_MAX {
        return;
    }
    PROOFS.with_borrow_mut(|proofs| {
        if proofs.mark != mark {
            proofs.mark = mark;
            proofs.paths.clear();
        }
        if proofs.paths.len() >= PATHS_MAX && !proofs.paths.contains_key(path) {
            let oldest = proofs.paths.iter().min_by_key(|(_, last)| **last).map(|(path, _)| path.clone());
            oldest.and_then(|oldest| proofs.paths.remove(&oldest));
        }
        proofs.clock += 1;
        proofs.paths.insert(path.to_owned(), proofs.clock);
    });
}

/// A page of a path did not come out clean.
pub fn doubt(path: &str) {
    PROOFS.with_borrow_mut(|proofs| proofs.paths.remove(path));
}
