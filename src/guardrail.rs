//! Guardrails: the bounds that no price leaves, at the edge, in the browser and in CI alike.
//!
//! Out of scope: which price within them is best.
