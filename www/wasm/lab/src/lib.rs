//! The core in the browser: what an experiment has learned, what its policy would do next, and what would happen to
//! another one. A mirror, not a brain: every number is computed by the crate `haggle`.
//!
//! | file | what JavaScript gets |
//! |---|---|
//! | `evidence` | `Lab`: what was counted of one experiment, and what is made of it |
//! | `simulation` | `Comparison`: policies in a made-up shop, run by run; `outlook`: its prices |
//! | `wizard` | what is wrong with an experiment that is being written, how long it takes, its file |
//! | `value` | objects and columns of numbers |
//!
//! Shapes are described in `www/lab.js`. Out of scope: fetching the evidence, which is the page's business, and drawing.

mod evidence;

mod simulation;

mod value;

mod wizard;

mod published;
