//! Paths whose pages came out clean in this isolate: in mode `proven` they stream from then on.
//!
//! Out of scope: what clean is.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Paths that are kept; then the one that was not asked for the longest goes.
const PATHS_MAX: usize = 1024;

/// A longer path stays on probation: nobody shall fill the memory with them.
const PATH_BYTES_MAX: usize = 256;

struct Proofs {
    /// What the proofs hold for: the site and the items.
    mark: u64,
    /// Grows with each use.
    clock: u64,
    /// When each path was asked for last.
    paths: BTreeMap<String, u64>,
}

thread_local! {
    static PROOFS: RefCell<Proofs> = const { RefCell::new(Proofs { mark: 0, clock: 0, paths: BTreeMap::new() }) };
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
