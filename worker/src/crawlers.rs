//! Crawlers: visitors who are kept out of the counts. No price ever depends on who is one.
//!
//! `crawlers.txt` is the list of the npm package `isbot` (Unlicense), one regular expression a line, as
//! `make crawlers` writes it.

use js_sys::RegExp;
use worker::Request;

const PATTERNS: &str = include_str!("crawlers.txt");

thread_local! {
    static ANY: RegExp = RegExp::new(&PATTERNS.trim_end_matches('\n').replace('\n', "|"), "i");
}

/// Whether the request says that it comes from a crawler.
pub fn is_crawler(request: &Request) -> bool {
    let agent = request.headers().get("user-agent").ok().flatten().unwrap_or_default();
    !agent.is_empty() && ANY.with(|any| any.test(&agent))
}
