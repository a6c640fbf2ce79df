//! Names of elements as numbers, and what the HTML standard says about each by its name alone.
//!
//! Out of scope: where an element may stand (see [`Elements`](super::Elements)).

/// A name without case as a number: its letters where it has up to 8 bytes, else a hash of them.
pub(crate) type Name = u64;

/// The number of a name.
#[inline]
pub(crate) const fn name(written: &[u8]) -> Name {
    // An odd number without a pattern: the one of FNV-1a.
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let (mut rest, mut number, mut length) = (written, 0_u64, 0);
    while let Some((&byte, after)) = rest.split_first() {
        let byte = byte.to_ascii_lowercase() as u64;
        number =
            if length < 8 { number << 8 | byte } else { (number ^ byte).wrapping_mul(PRIME).rotate_left(23) };
        length += 1;
        rest = after;
    }
    number
}

/// Special, in the words of the standard: an end tag of an ordinary element does not reach beyond it (13.2.4.2).
pub(super) const SPECIAL: u16 = 1;
/// Ends an open paragraph by its start tag.
pub(super) const ENDS_P: u16 = 1 << 1;
/// Has no content and no end tag.
pub(super) const VOID: u16 = 1 << 2;
/// Its end tag may be left out before the end of its parent.
pub(super) const IMPLIED_END: u16 = 1 << 3;
/// May stand in the head.
pub(super) const HEAD: u16 = 1 << 4;
/// Ends svg and math by its start tag (13.2.6.5).
pub(super) const BREAKOUT: u16 = 1 << 5;
/// Its content is text up to its own end tag (13.2.5.2 to 13.2.5.5).
pub(super) const RAW: u16 = 1 << 6;
/// End tags of what is inside it are looked for only up to it ("scope", 13.2.4.2).
pub(super) const SCOPE: u16 = 1 << 7;
/// The same for the end tags of list items: `ol` and `ul`.
pub(super) const LIST: u16 = 1 << 8;
/// The same for those of paragraphs: `button`.
pub(super) const BUTTON: u16 = 1 << 9;
/// What the parts of a table stand in: `table` and `template`.
pub(super) const TABLE: u16 = 1 << 10;
/// Where the content of a table begins: cells, `caption` and `template`.
pub(super) const CELL: u16 = 1 << 11;
/// A list item in it does not end those around it: special ones but for `address`, `div` and `p`.
pub(super) const HOLDS_ITEMS: u16 = 1 << 12;

/// How tags of an element treat the open elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Ordinary,
    /// Its end tag ends it wherever it is in scope, with all in it.
    Block,
    Heading,
    P,
    Li,
    /// `dd` and `dt`.
    Term,
    Option,
    Optgroup,
    Hr,
    Input,
    RubyBase,
    /// `rb` and `rtc`.
    Ruby,
    /// `rp` and `rt`.
    RubyText,
    /// `td` and `th`.
    Cell,
    Row,
    /// `tbody`, `thead` and `tfoot`.
    Section,
    Caption,
    Colgroup,
    Col,
    Table,
    Button,
    /// Of no more than one at a time: `a` and `nobr`.
    Single,
    /// What the standard calls formatting elements.
    Formatting,
    Form,
    Select,
    Html,
    Head,
    Body,
    Svg,
    Math,
}

/// How many rules there are.
pub(super) const RULES: usize = Rule::Math as usize + 1;

/// What is known of an element by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) flags: u16,
    pub(super) rule: Rule,
}

impl Kind {
    pub(super) const ORDINARY: Self = Self { flags: 0, rule: Rule::Ordinary };

    pub(super) fn of(wanted: Name) -> Self {
        let mut place = slot(wanted);
        while let Some(&(known, flags, rule)) =
            PLACES.get(place).and_then(|&number| KINDS.get(usize::from(number)))
        {
            if known == wanted {
                return Self { flags, rule };
            }
            place += 1;
        }
        Self::ORDINARY
    }

    pub(super) fn is(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

const PASSED: u16 = SPECIAL | ENDS_P;
const HOLDER: u16 = SPECIAL | HOLDS_ITEMS;
const BLOCK: u16 = HOLDER | ENDS_P;
const OLD_BLOCK: u16 = BLOCK | BREAKOUT;
const EMPTY: u16 = HOLDER | VOID;

/// Where the kind of a name stands in [`KINDS`]: at its slot or in those right after it.
const PLACES: [u8; 256 + KINDS.len()] = places();
const NONE: u8 = u8::MAX;

#[inline]
const fn slot(name: Name) -> usize {
    // The fractional part of the golden ratio: all bits of the name go into the highest ones.
    (name.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as usize
}

// Run by the compiler, which refuses what would be out of bounds.
#[allow(clippy::indexing_slicing)]
const fn places() -> [u8; 256 + KINDS.len()] {
    let mut places = [NONE; 256 + KINDS.len()];
    let mut at = 0;
    while at < KINDS.len() {
        let mut place = slot(KINDS[at].0);
        while places[place] != NONE {
            place += 1;
        }
        places[place] = at as u8;
        at += 1;
    }
    places
}

const KINDS: [(Name, u16, Rule); 112] = [
    (name(b"a"), 0, Rule::Single),
    (name(b"b"), BREAKOUT, Rule::Formatting),
    (name(b"i"), BREAKOUT, Rule::Formatting),
    (name(b"p"), PASSED | BREAKOUT | IMPLIED_END, Rule::P),
    (name(b"s"), BREAKOUT, Rule::Formatting),
    (name(b"u"), BREAKOUT, Rule::Formatting),
    (name(b"br"), EMPTY | BREAKOUT, Rule::Ordinary),
    (name(b"dd"), OLD_BLOCK | IMPLIED_END, Rule::Term),
    (name(b"dl"), OLD_BLOCK, Rule::Block),
    (name(b"dt"), OLD_BLOCK | IMPLIED_END, Rule::Term),
    (name(b"em"), BREAKOUT, Rule::Formatting),
    (name(b"h1"), OLD_BLOCK, Rule::Heading),
    (name(b"h2"), OLD_BLOCK, Rule::Heading),
    (name(b"h3"), OLD_BLOCK, Rule::Heading),
    (name(b"h4"), OLD_BLOCK, Rule::Heading),
    (name(b"h5"), OLD_BLOCK, Rule::Heading),
    (name(b"h6"), OLD_BLOCK, Rule::Heading),
    (name(b"hr"), EMPTY | ENDS_P | BREAKOUT, Rule::Hr),
    (name(b"li"), OLD_BLOCK | IMPLIED_END, Rule::Li),
    (name(b"ol"), OLD_BLOCK | LIST, Rule::Block),
    (name(b"rb"), IMPLIED_END, Rule::Ruby),
    (name(b"rp"), IMPLIED_END, Rule::RubyText),
    (name(b"rt"), IMPLIED_END, Rule::RubyText),
    (name(b"td"), HOLDER | SCOPE | CELL, Rule::Cell),
    (name(b"th"), HOLDER | SCOPE | CELL, Rule::Cell),
    (name(b"tr"), HOLDER, Rule::Row),
    (name(b"tt"), BREAKOUT, Rule::Formatting),
    (name(b"ul"), OLD_BLOCK | LIST, Rule::Block),
    (name(b"big"), BREAKOUT, Rule::Formatting),
    (name(b"col"), EMPTY, Rule::Col),
    (name(b"dir"), BLOCK, Rule::Block),
    (name(b"div"), PASSED | BREAKOUT, Rule::Block),
    (name(b"img"), EMPTY | BREAKOUT, Rule::Ordinary),
    (name(b"nav"), BLOCK, Rule::Block),
    (name(b"pre"), OLD_BLOCK, Rule::Block),
    (name(b"rtc"), IMPLIED_END, Rule::Ruby),
    (name(b"sub"), BREAKOUT, Rule::Ordinary),
    (name(b"sup"), BREAKOUT, Rule::Ordinary),
    (name(b"svg"), 0, Rule::Svg),
    (name(b"var"), BREAKOUT, Rule::Ordinary),
    (name(b"wbr"), EMPTY, Rule::Ordinary),
    (name(b"xmp"), BLOCK | RAW, Rule::Ordinary),
    (name(b"area"), EMPTY, Rule::Ordinary),
    (name(b"base"), EMPTY | HEAD, Rule::Ordinary),
    (name(b"body"), HOLDER | BREAKOUT, Rule::Body),
    (name(b"code"), BREAKOUT, Rule::Formatting),
    (name(b"font"), 0, Rule::Formatting),
    (name(b"form"), BLOCK, Rule::Form),
    (name(b"head"), HOLDER | BREAKOUT, Rule::Head),
    (name(b"html"), HOLDER | SCOPE, Rule::Html),
    (name(b"link"), EMPTY | HEAD, Rule::Ordinary),
    (name(b"main"), BLOCK, Rule::Block),
    (name(b"math"), 0, Rule::Math),
    (name(b"menu"), OLD_BLOCK, Rule::Block),
    (name(b"meta"), EMPTY | HEAD | BREAKOUT, Rule::Ordinary),
    (name(b"nobr"), BREAKOUT, Rule::Single),
    (name(b"ruby"), BREAKOUT, Rule::RubyBase),
    (name(b"span"), BREAKOUT, Rule::Ordinary),
    (name(b"aside"), BLOCK, Rule::Block),
    (name(b"embed"), EMPTY | BREAKOUT, Rule::Ordinary),
    (name(b"frame"), EMPTY, Rule::Ordinary),
    (name(b"image"), EMPTY | BREAKOUT, Rule::Ordinary),
    (name(b"input"), EMPTY, Rule::Input),
    (name(b"param"), EMPTY, Rule::Ordinary),
    (name(b"small"), BREAKOUT, Rule::Formatting),
    (name(b"style"), HOLDER | RAW | HEAD, Rule::Ordinary),
    (name(b"table"), OLD_BLOCK | SCOPE | TABLE, Rule::Table),
    (name(b"tbody"), HOLDER, Rule::Section),
    (name(b"tfoot"), HOLDER, Rule::Section),
    (name(b"thead"), HOLDER, Rule::Section),
    (name(b"title"), HOLDER | RAW | HEAD, Rule::Ordinary),
    (name(b"track"), EMPTY, Rule::Ordinary),
    (name(b"applet"), HOLDER | SCOPE, Rule::Block),
    (name(b"button"), HOLDER | BUTTON, Rule::Button),
    (name(b"center"), OLD_BLOCK, Rule::Block),
    (name(b"dialog"), ENDS_P, Rule::Block),
    (name(b"figure"), BLOCK, Rule::Block),
    (name(b"footer"), BLOCK, Rule::Block),
    (name(b"header"), BLOCK, Rule::Block),
    (name(b"hgroup"), BLOCK, Rule::Block),
    (name(b"iframe"), HOLDER | RAW, Rule::Ordinary),
    (name(b"keygen"), EMPTY, Rule::Ordinary),
    (name(b"object"), HOLDER | SCOPE, Rule::Block),
    (name(b"option"), IMPLIED_END, Rule::Option),
    (name(b"script"), HOLDER | RAW | HEAD, Rule::Ordinary),
    (name(b"search"), BLOCK, Rule::Block),
    (name(b"select"), HOLDER | SCOPE, Rule::Select),
    (name(b"source"), EMPTY, Rule::Ordinary),
    (name(b"strike"), BREAKOUT, Rule::Formatting),
    (name(b"strong"), BREAKOUT, Rule::Formatting),
    (name(b"address"), PASSED, Rule::Block),
    (name(b"article"), BLOCK, Rule::Block),
    (name(b"bgsound"), EMPTY | HEAD, Rule::Ordinary),
    (name(b"caption"), HOLDER | SCOPE | CELL, Rule::Caption),
    (name(b"details"), BLOCK, Rule::Block),
    (name(b"listing"), OLD_BLOCK, Rule::Block),
    (name(b"marquee"), HOLDER | SCOPE, Rule::Block),
    (name(b"noembed"), HOLDER | RAW, Rule::Ordinary),
    (name(b"section"), BLOCK, Rule::Block),
    (name(b"summary"), BLOCK, Rule::Block),
    (name(b"basefont"), EMPTY | HEAD, Rule::Ordinary),
    (name(b"colgroup"), HOLDER, Rule::Colgroup),
    (name(b"fieldset"), BLOCK, Rule::Block),
    (name(b"frameset"), HOLDER, Rule::Ordinary),
    (name(b"noframes"), HOLDER | RAW | HEAD, Rule::Ordinary),
    (name(b"noscript"), HOLDER | HEAD, Rule::Ordinary),
    (name(b"optgroup"), IMPLIED_END, Rule::Optgroup),
    (name(b"template"), HOLDER | SCOPE | HEAD | TABLE | CELL, Rule::Block),
    (name(b"textarea"), HOLDER | RAW, Rule::Ordinary),
    (name(b"plaintext"), BLOCK | RAW, Rule::Ordinary),
    (name(b"blockquote"), OLD_BLOCK, Rule::Block),
    (name(b"figcaption"), BLOCK, Rule::Block),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_soon() {
        for (at, (name, flags, rule)) in KINDS.iter().enumerate() {
            let kind = Kind::of(*name);
            assert_eq!((kind.flags, kind.rule), (*flags, *rule));
            let place = PLACES.iter().position(|&place| usize::from(place) == at).unwrap();
            assert!(place - slot(*name) < 6, "{at}");
        }
    }

    #[test]
    fn a_name_has_no_case_and_its_kind_is_found() {
        assert_eq!(name(b"DiV"), name(b"div"));
        assert_ne!(name(b"annotation-xml-a"), name(b"annotation-xml-b"));
        assert_ne!(name(b"a-very-long-custom-element"), name(b"a-very-long-custom-elemenu"));
        assert_eq!(Kind::of(name(b"TD")).rule, Rule::Cell);
        assert!(Kind::of(name(b"plaintext")).is(RAW) && Kind::of(name(b"img")).is(VOID));
        assert_eq!(Kind::of(name(b"x-price")).flags, 0);
    }
}
