//! CSS selectors over the open elements of a page: which of many match a start tag.
//!
//! In scope: type, `*`, `#id`, `.class`, attributes in all forms, `:not()`, descendants and children, lists by commas
//! (Selectors Level 4, sections 5 to 15). Names of elements and attributes have no case; ids, classes and values have,
//! but for the values of attributes that have none in HTML (`type`, `rel`, …) or under the flag `i`.
//!
//! Out of scope: siblings, `:has()`, and everything that needs what comes later in the page. The page is read as it is
//! sent: of the entities in values, `&amp; &lt; &gt; &quot; &apos; &#39;` are known.

mod element;
mod index;
mod parse;

use crate::Error;
use crate::html::{Name, Opening, Scanner};
use element::Tag;
use index::Index;

/// So many can be matched together.
pub const SELECTORS_MAX: usize = 256;

/// A part of a selector without combinators: `li.card[data-sku]`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Compound {
    element: Option<Name>,
    tests: Vec<Test>,
    /// What has to stand around it.
    around: Option<Around>,
    /// Where it is noted that it matches, for the compounds that stand inside of it.
    bit: Option<usize>,
    /// The selector that it is the end of.
    selector: Option<usize>,
}

/// `before > this` or `before this`.
#[derive(Debug, PartialEq, Eq)]
struct Around {
    bit: usize,
    is_parent: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    Id(Vec<u8>),
    Class(Vec<u8>),
    Attribute {
        name: Name,
        relation: Relation,
        value: Vec<u8>,
        is_caseless: bool,
    },
    /// None of these.
    Not(Vec<Compound>),
}

/// How the value of an attribute relates to the one in the selector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    /// `[name]`.
    Any,
    /// `=`.
    Equal,
    /// `~=`.
    Word,
    /// `|=`.
    Language,
    /// `^=`.
    Begin,
    /// `$=`.
    End,
    /// `*=`.
    Part,
}

/// A set of selectors that are matched together.
#[derive(Debug, Default)]
pub struct Selectors {
    count: usize,
    compounds: Vec<Compound>,
    index: Index,
    /// 64-bit words that have room for the bits of all compounds.
    words: usize,
}

impl Selectors {
    /// Reads the selectors, at most 256.
    ///
    /// # Errors
    /// Shows the selector and the part of it that is not supported.
    pub fn parse<'a>(selectors: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut all = Self::default();
        let mut bits = 0;
        for text in selectors {
            if all.count == SELECTORS_MAX {
                return Err(Error::value("number of selectors", "more", "at most 256"));
            }
            parse::selector(text, all.count, &mut bits, &mut all.compounds)?;
            all.count += 1;
        }
        all.words = bits.div_ceil(64);
        all.index = Index::new(&all.compounds);
        Ok(all)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Matches them in one page.
    pub fn matcher(&self) -> Matcher<'_> {
        Matcher { selectors: self, levels: Vec::new(), rows: vec![0; self.words], here: vec![0; self.words] }
    }
}

/// Which selectors match the elements of one page, in the order of their start tags.
///
/// ```
/// use haggle::html::{Scanner, Token};
/// use haggle::selector::Selectors;
///
/// let page = b"<ul><li class=card data-sku=OLIVE-500><b class=price>19,00 &euro;</b></ul>";
/// let selectors = Selectors::parse(["li.card .price", "[data-sku], .none"])?;
/// let (mut scanner, mut matcher) = (Scanner::default(), selectors.matcher());
/// let (mut at, mut hits, mut found) = (0, Vec::new(), Vec::new());
/// while let Some(token) = scanner.next(page, at, true) {
///     at = token.span().end;
///     if let Token::Start { span, .. } = token {
///         matcher.open(page, &scanner, &mut hits);
///         found.extend(hits.iter().map(|&selector| (selector, span.start, scanner.depth())));
///     }
/// }
/// // html, body, ul, li, b
/// assert_eq!(found, [(1, 4, 4), (0, 38, 5)]);
/// # Ok::<(), haggle::Error>(())
/// ```
#[derive(Debug)]
pub struct Matcher<'s> {
    selectors: &'s Selectors,
    levels: Vec<Level>,
    /// Rows of bits; the first one is empty.
    rows: Vec<u64>,
    /// The row of the element that is looked at.
    here: Vec<u64>,
}

/// What an open element matches.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// The row of compounds that it matches.
    own: usize,
    /// The row of those that it or an element around it matches.
    all: usize,
    /// Length of the rows without those of this level.
    before: usize,
}

impl Matcher<'_> {
    /// The selectors that match the start tag which the scanner has just given, ascending, in place of what `hits`
    /// held. To be called for each start tag of the page.
    pub fn open(&mut self, bytes: &[u8], scanner: &Scanner, hits: &mut Vec<usize>) {
        hits.clear();
        let opening = scanner.opening();
        let is_open = opening == Opening::Open;
        self.keep(scanner.kept());
        while self.levels.len() + usize::from(is_open) < scanner.depth() {
            let implied = Tag::implied(scanner.elements().name(self.levels.len()));
            self.enter(&implied, self.levels.len(), true, hits);
            hits.clear();
        }
        if opening != Opening::Ignored {
            self.enter(&Tag::new(bytes, scanner), scanner.elements().around(), is_open, hits);
        }
        if hits.len() > 1 {
            hits.sort_unstable();
            hits.dedup();
        }
    }

    fn keep(&mut self, depth: usize) {
        if let Some(first_gone) = self.levels.get(depth) {
            self.rows.truncate(first_gone.before);
            self.levels.truncate(depth);
        }
    }

    fn enter(&mut self, tag: &Tag<'_>, around: usize, is_open: bool, hits: &mut Vec<usize>) {
        let selectors = self.selectors;
        let parent =
            around.checked_sub(1).and_then(|level| self.levels.get(level)).copied().unwrap_or_default();
        let mut has_bits = false;
        selectors.index.candidates(tag, |candidate| {
            let Some(compound) = selectors.compounds.get(candidate) else { return };
            let stands = compound.around.as_ref().is_none_or(|around| {
                let row = if around.is_parent { parent.own } else { parent.all };
                self.rows.get(row + around.bit / 64).is_some_and(|word| word >> (around.bit % 64) & 1 == 1)
            });
            if !stands || !tag.matches(compound) {
                return;
            }
            hits.extend(compound.selector);
            if let Some(bit) = compound.bit
                && let Some(word) = self.here.get_mut(bit / 64)
            {
                *word |= 1 << (bit % 64);
                has_bits = true;
            }
        });
        if is_open {
            self.push(parent, has_bits);
        }
        if has_bits {
            self.here.fill(0);
        }
    }

    /// A level for the element; most match nothing, and share the rows of the one around them.
    fn push(&mut self, parent: Level, has_bits: bool) {
        let before = self.rows.len();
        let (mut own, mut all) = (0, parent.all);
        if has_bits {
            own = before;
            self.rows.extend_from_slice(&self.here);
            let around = parent.all..parent.all + self.here.len();
            let is_new = |(word, above): (&u64, &u64)| word & !above != 0;
            if self.here.iter().zip(self.rows.get(around.clone()).unwrap_or_default()).any(is_new) {
                all = self.rows.len();
                for (word, at) in self.here.iter().zip(around) {
                    let above = self.rows.get(at).copied().unwrap_or_default();
                    self.rows.push(word | above);
                }
            }
        }
        self.levels.push(Level { own, all, before });
    }
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests;
