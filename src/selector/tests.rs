//! Tests of the selectors.
