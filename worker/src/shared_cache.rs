//! What caches may do with a response: nothing with a visitor's own, and with everybody's prices what the shop allows,
//! while they hold.
//!
//! Out of scope: the shop's pages in our own cache (`html_cache`).

use web_sys::Headers;
use worker::Result;

/// What is true of the shop's own bytes alone, or says in absolute time how long they may be kept.
const OF_OTHER_BYTES: [&str; 8] = [
    "etag",
    "last-modified",
    "expires",
    "content-md5",
    "digest",
    "content-digest",
    "repr-digest",
    "x-accel-expires",
];

/// What says to a cache in seconds how long it may keep a response.
const CONTROLS: [&str; 5] = [
    "cache-control",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "surrogate-control",
    "edge-control",
];

/// Nobody else may get a response, now or later.
pub fn make_private(headers: &Headers) -> Result<()> {
    OF_OTHER_BYTES.iter().chain(&CONTROLS).chain(&["age"]).try_for_each(|name| headers.delete(name))?;
    Ok(headers.set("cache-control", "private, no-store")?)
}

/// Everybody may get a response, for as long as the shop says and `most_s` seconds at most. What it forbids stays
/// forbidden, and what it does not say is not said.
pub fn limit(headers: &Headers, most_s: u64) -> Result<()> {
    OF_OTHER_BYTES.iter().try_for_each(|name| headers.delete(name))?;
    // A cache reckons the age of what it gets from there into the time for which it may keep it.
    let age_s = headers.get("age")?.and_then(|age| age.trim().parse::<u64>().ok()).unwrap_or(0);
    for name in CONTROLS {
        if let Some(control) = headers.get(name)? {
            headers.set(name, &limited(&control, most_s.saturating_add(age_s)))?;
        }
    }
    Ok(())
}

/// A `Cache-Control` with no time longer than this, and nothing that lets a cache use what is over.
fn limited(control: &str, most_s: u64) -> String {
    let mut kept = Vec::new();
    for directive in control.split(',').map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim_end().to_ascii_lowercase().as_str() {
            "stale-while-revalidate" | "stale-if-error" | "immutable" => {}
            name @ ("max-age" | "s-maxage") => {
                // What is no number allows nothing.
                let given_s = value.trim().trim_matches('"').parse::<u64>().unwrap_or(0);
                kept.push(format!("{name}={}", given_s.min(most_s)));
            }
            _ => kept.push(directive.to_owned()),
        }
    }
    kept.join(", ")
}
