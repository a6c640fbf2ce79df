//! Stage 2 in a page: bytes of the shop's page in, bytes with the visitor's prices out.
//!
//! A surface (a text, an attribute, data in a script) is held back until it is complete, and then goes out whole: with
//! the new price, or as it came. Everything else streams by, byte for byte. Nothing can fail here: what is not
//! understood stays as it is.
//!
//! Why not by the runtime's own `HTMLRewriter`: it writes a start tag anew where one attribute changes, cuts a page that its
//! strict parser rejects, cannot hold a split price back, and each of its callbacks cost 10 to 17 us of CPU when that was
//! measured (48 prices: 2.1 ms by element handlers, 3.7 ms with their texts), where handing the bytes of a page through the
//! wasm costs 0.15 ms. And this way the same code runs in tests and on the command line.
//!
//! In scope: finding the surfaces by the marks and rules of a [`Site`], which item each of them is about, what of them
//! shows the catalogue price, the places of hidden fields and of the disclosure, and the tag of the storefront client.
//!
//! Out of scope: where the bytes come from and go to, and what is done with a page that cannot be priced.

mod charset;
mod complete;
mod flow;
mod items;
mod open;
mod start;
mod tag;
mod wait;

use std::ops::Range;

use crate::html::{Scanner, Token};
use crate::selector::Matcher;
use crate::site::{Role, Site};
pub use crate::surface::Price;

use complete::{Complete, Verdict};
use flow::Flow;
use items::Items;
use open::{Label, Open, Owner, OwnerKind, What, Whose};
use tag::Client;

/// What stands where prices are set with personal data (New York General Business Law, section 349-a).
pub const DISCLOSURE: &str = "THIS PRICE WAS SET BY AN ALGORITHM USING YOUR PERSONAL DATA";

/// The prices of one visitor.
pub trait Offers {
    /// The price of an item; `None` where the item is to be left alone.
    fn price(&self, sku: &str) -> Option<Price>;
}

/// A place in the output where a hidden field with an item's quote belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Position in [`Output::bytes`].
    pub at: usize,
    /// Item of the quote.
    pub sku: String,
    /// Name of the form field.
    pub name: String,
}

/// What may go out.
#[derive(Debug, Default)]
pub struct Output {
    /// Bytes of the page.
    pub bytes: Vec<u8>,
    /// Hidden fields to be put in, by position.
    pub fields: Vec<Field>,
}

/// What became of the items of a page.
#[derive(Debug, Default)]
pub struct Report {
    /// The items that have an offer and a surface on the page, in the order in which they appeared.
    pub items: Vec<PageItem>,
    /// The surfaces, where the rewriter was [asked to note them](Rewriter::noting).
    pub surfaces: Vec<Seen>,
}

/// An item on a page.
#[derive(Debug, Clone)]
pub struct PageItem {
    /// Its key.
    pub sku: String,
    /// Its price.
    pub price: Price,
    /// Surfaces that show the price now.
    pub written: u32,
    /// Those of them that are text which a shopper sees.
    pub visible: u32,
    /// Surfaces that should have held the catalogue price and did not: what each is called.
    pub mismatches: Vec<String>,
    /// Its texts before and after, node by node.
    texts: Vec<(Vec<String>, Vec<String>)>,
    is_slot_filled: bool,
}

/// Most mismatches that are named of an item, and most of its texts that the client is told.
const NAMED_MAX: usize = 16;

impl PageItem {
    fn new(sku: &str, price: Price) -> Self {
        let (mismatches, texts) = (Vec::new(), Vec::new());
        Self { sku: sku.into(), price, written: 0, visible: 0, mismatches, texts, is_slot_filled: false }
    }

    /// Whether shoppers see the price, and nothing on the page contradicts it.
    pub fn is_shown(&self) -> bool {
        self.visible > 0 && !self.has_mismatch()
    }

    /// Whether something of the item did not hold the catalogue price. From then on nothing of it is changed.
    pub fn has_mismatch(&self) -> bool {
        !self.mismatches.is_empty()
    }

    fn note_text(&mut self, before: Vec<String>, after: Vec<String>) {
        let is_new = before != after && !self.texts.iter().any(|(known, _)| *known == before);
        if is_new && self.texts.len() < NAMED_MAX {
            self.texts.push((before, after));
        }
    }
}

/// A place that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its position in the page, in bytes.
    pub at: usize,
    /// Its item.
    pub sku: String,
    /// What it is called: a selector of the site, `json-ld`, or `data-haggle-sku`.
    pub name: String,
    /// It is compared, not changed.
    pub is_compared: bool,
    /// Whether it is as it should be; `None` where it holds no price, or another of several.
    pub is_matched: Option<bool>,
    /// What stands there; empty for data.
    pub text: String,
}

/// Most bytes of a page that wait for the end of a tag or a comment.
const TOKEN_MAX: usize = 4 << 20;

/// Rewrites one page.
///
/// ```
/// use haggle::Site;
/// use haggle::page::{Offers, Output, Price, Rewriter};
///
/// struct Sale;
/// impl Offers for Sale {
///     fn price(&self, sku: &str) -> Option<Price> {
///         let currency = "EUR".parse().ok()?;
///         let price = Price { catalogue_minor: 1900, price_minor: 1750, currency, is_disclosed: false };
///         (sku == "OLIVE-500").then_some(price)
///     }
/// }
///
/// let site = Site::default();
/// let (mut rewriter, mut output) = (Rewriter::new(&site, "/oil", &Sale), Output::default());
/// rewriter.push(b"<p>Oil <b data-haggle-sku=OLIVE-500>19,", &mut output);
/// rewriter.push("00&nbsp;€</b>".as_bytes(), &mut output);
/// let report = rewriter.end(&mut output);
/// assert!(report.items[0].is_shown());
/// let page = String::from_utf8(output.bytes)?;
/// assert!(page.starts_with("<p>Oil <b data-haggle-sku=OLIVE-500>17,50&nbsp;€</b><script type=\"module\""));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
pub struct Rewriter<'a> {
    site: &'a Site,
    items: Items<'a>,
    flow: Flow,
    scanner: Scanner,
    matcher: Matcher<'a>,
    /// The selectors that match the last start tag.
    hits: Vec<usize>,
    /// Where the next token begins.
    at: usize,
    open: Vec<Open>,
    /// Whose the open elements are: the page first, then cards and marked elements.
    owners: Vec<Owner>,
    /// Depth of the element whose content is no text, where the page is in one.
    silent: Option<usize>,
    /// Ends of forms whose price has not come yet, with the item.
    forms: Vec<(usize, usize)>,
    /// Of each surface of the site, whether it is looked for on this page, and whether it was found.
    is_on: Vec<bool>,
    seen: Vec<bool>,
    /// Up to here nothing has waited for too long.
    due: usize,
    is_slot_filled: bool,
    /// A token was too long to wait for.
    is_passing: bool,
    client: Client,
    notes: Option<Vec<Seen>>,
}

impl<'a> Rewriter<'a> {
    /// For the page at a path, for one visitor.
    pub fn new(site: &'a Site, path: &str, offers: &'a dyn Offers) -> Self {
        let mut items = Items::new(site, offers);
        let page = site.page_sku(path).and_then(|sku| items.of(&sku));
        let whose = page.map_or(Whose::Nobody, Whose::Item);
        Self {
            site,
            items,
            flow: Flow::default(),
            scanner: Scanner::default(),
            matcher: site.selectors.matcher(),
            hits: Vec::new(),
            at: 0,
            open: Vec::new(),
            owners: vec![Owner::new(whose, OwnerKind::Page)],
            silent: None,
            forms: Vec::new(),
            is_on: site.surfaces.iter().map(|surface| surface.is_on(path)).collect(),
            seen: vec![false; site.surfaces.len()],
            due: usize::MAX,
            is_slot_filled: false,
            is_passing: false,
            client: Client::default(),
            notes: None,
        }
    }

    /// The same, noting each place that was looked at in the [`Report`].
    pub fn noting(mut self) -> Self {
        self.notes = Some(Vec::new());
        self
    }

    /// The same for a preview: the storefront client reports nothing that is seen.
    pub fn in_preview(mut self) -> Self {
        self.client.is_preview = true;
        self
    }

    /// Takes the next bytes of the page in, and appends to `output` what may go out.
    pub fn push(&mut self, bytes: &[u8], output: &mut Output) {
        if self.is_passing {
            output.bytes.extend_from_slice(bytes);
            return;
        }
        self.flow.take_in(bytes);
        self.scan(false);
        self.give_up(self.at);
        let until = self.held().min(self.at);
        self.flow.release(until, output);
        if self.flow.bytes().len() > TOKEN_MAX {
            self.pass(output);
        }
    }

    /// A tag or a comment does not end: the rest of the page goes out as it comes, and nothing more is looked at.
    fn pass(&mut self, output: &mut Output) {
        (0..self.items.all().len()).for_each(|item| self.mismatch(item, "unended".into()));
        self.forms.clear();
        self.open.clear();
        self.flow.release(usize::MAX, output);
        self.is_passing = true;
    }

    /// Ends the page: appends the rest, with the tag of the storefront client.
    pub fn end(mut self, output: &mut Output) -> Report {
        if !self.is_passing {
            self.scan(true);
            self.give_up(self.at);
        }
        if self.scanner.is_lost() {
            // What stands so deep was not looked at, and may show the catalogue price.
            (0..self.items.all().len()).for_each(|item| self.mismatch(item, "depth".into()));
        }
        self.close(0, self.at, true);
        self.conclude();
        let tag = self.client.tag(self.site, self.items.all());
        self.flow.finish(output);
        output.bytes.extend_from_slice(tag.as_bytes());
        Report { items: self.items.into_met(), surfaces: self.notes.unwrap_or_default() }
    }

    fn scan(&mut self, is_last: bool) {
        while let Some(token) = self.scanner.next(self.flow.bytes(), self.at - self.flow.base(), is_last) {
            let base = self.flow.base();
            let span = token.span();
            let span = span.start + base..span.end + base;
            self.at = span.end;
            match token {
                Token::Text(_) => self.text_node(span),
                Token::Other(_) => {}
                Token::End { name, .. } => {
                    if self.flow.bytes().get(name).is_some_and(|name| name.eq_ignore_ascii_case(b"form")) {
                        self.end_form(span.start);
                    }
                    self.leave(span.start);
                }
                Token::Start { name, .. } => {
                    self.leave(span.start);
                    self.start(span, name);
                }
            }
        }
    }

    /// A tag begins here: what it ends is complete.
    fn leave(&mut self, at: usize) {
        if at > self.due {
            self.give_up(at);
        }
        self.close(self.scanner.kept(), at, false);
    }

    /// The end tag of a form ends it, whatever is still open in it.
    fn end_form(&mut self, at: usize) {
        let form = self.open.iter().rposition(|open| matches!(open.what, What::Form { .. }));
        if let Some(What::Form { owner }) = form.map(|form| self.open.remove(form).what) {
            self.complete(owner, Complete::Form(at));
        }
    }

    fn close(&mut self, kept: usize, at: usize, is_last: bool) {
        if self.silent.is_some_and(|depth| depth > kept) {
            self.silent = None;
        }
        while self.open.last().is_some_and(|open| open.depth > kept) {
            match self.open.pop().map(|open| open.what) {
                None => break,
                // A card that never said its item is about none of ours.
                Some(What::Owner) => drop(self.owners.pop()),
                Some(What::Text(surface)) if surface.is_given_up => {}
                Some(What::Text(surface)) => drop(self.complete(surface.owner, Complete::Text(surface))),
                // A script without an end is not run.
                Some(What::Script(surface)) if surface.is_given_up || is_last => {}
                Some(What::Script(surface)) => {
                    self.write_script(surface.owner, surface.label, surface.from..at);
                }
                Some(What::Form { owner }) => drop(self.complete(owner, Complete::Form(at))),
                Some(What::Slot(slot)) if slot.is_given_up => {}
                Some(What::Slot(slot)) => self.fill(slot.sku.as_deref(), slot.from..at),
            }
        }
    }

    /// A piece of text belongs to the innermost surface, if that is about the same item as what stands around the text.
    fn text_node(&mut self, range: Range<usize>) {
        if self.open.is_empty() || self.silent.is_some() {
            return;
        }
        let innermost = self.owners.len().saturating_sub(1);
        let whose = |owner: usize| self.owners.get(owner).map(|owner| owner.whose);
        for open in self.open.iter_mut().rev() {
            match &mut open.what {
                What::Slot(_) => return,
                What::Text(surface) => {
                    let is_same = surface.owner == innermost
                        || whose(surface.owner) == whose(innermost)
                            && whose(innermost) != Some(Whose::Waiting);
                    if is_same && !surface.is_given_up {
                        surface.push(range);
                    }
                    return;
                }
                _ => {}
            }
        }
    }

    /// The item of an owner has become known.
    fn resolve(&mut self, owner: usize, whose: Whose) {
        let Some(state) = self.owners.get_mut(owner) else { return };
        state.whose = whose;
        let is_late = state.is_late;
        for surface in std::mem::take(&mut state.deferred) {
            self.complete(owner, surface);
        }
        if let Whose::Item(item) = whose
            && is_late
        {
            self.mismatch(item, "card".into());
        }
    }

    /// Notes that a surface of an item is not as it should be.
    fn mismatch(&mut self, item: usize, name: String) {
        if let Some(state) = self.items.get_mut(item)
            && state.mismatches.len() < NAMED_MAX
            && !state.mismatches.contains(&name)
        {
            state.mismatches.push(name);
        }
        self.forms.retain(|&(_, waiting)| waiting != item);
    }

    /// Fills a place for the disclosure where an item needs it.
    fn fill(&mut self, sku: Option<&str>, content: Range<usize>) {
        let is_needed = match sku {
            Some(sku) => {
                let item = self.items.of(sku).and_then(|item| self.items.get_mut(item));
                item.is_some_and(|item| {
                    item.is_slot_filled |= item.price.is_disclosed;
                    item.price.is_disclosed
                })
            }
            None => self.items.all().iter().any(|item| item.price.is_disclosed),
        };
        if is_needed {
            self.is_slot_filled |= sku.is_none();
            self.flow.change(content, DISCLOSURE.into());
        }
    }

    /// The page is at its end: what should have come by now is missing.
    fn conclude(&mut self) {
        if let Some(Whose::Item(item)) = self.owners.first().map(|page| page.whose) {
            let rules = self.site.surfaces.iter().zip(&self.is_on).zip(&self.seen);
            let missing =
                rules.filter(|((surface, is_on), is_seen)| surface.is_required && **is_on && !**is_seen);
            let missing: Vec<String> =
                missing.map(|((surface, _), _)| format!("required: {}", surface.selector)).collect();
            missing.into_iter().for_each(|name| self.mismatch(item, name));
        }
        let is_slot_filled = self.is_slot_filled;
        for item in self.items.all_mut() {
            if item.written > 0 && item.visible == 0 && !item.has_mismatch() {
                item.mismatches.push("no visible price".into());
            }
            let is_open = item.price.is_disclosed && !item.is_slot_filled && !is_slot_filled;
            if is_open && item.written > 0 {
                item.mismatches.push("disclosure".into());
            }
        }
    }

    fn note_seen(&mut self, item: usize, label: Label, role: Role, at: usize, verdict: Verdict, given: &str) {
        let Some(notes) = &mut self.notes else { return };
        let sku = self.items.get(item).map(|item| item.sku.clone()).unwrap_or_default();
        notes.push(Seen {
            at,
            sku,
            name: complete::name(self.site, label).into(),
            is_compared: role == Role::CompareAt,
            is_matched: match verdict {
                Verdict::Written => Some(true),
                Verdict::Mismatch | Verdict::Unfit => Some(false),
                Verdict::Absent => None,
            },
            text: given.trim().into(),
        });
    }

    fn note_rule(&mut self, owner: usize, item: usize, label: Label) {
        let kind = self.owners.get(owner).map(|owner| owner.kind);
        if let (Some(kind), Label::Rule(surface)) = (kind, label) {
            self.client.note(kind, item, surface);
        }
    }
}

#[cfg(test)]
mod tests;
