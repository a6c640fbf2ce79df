//! Names of elements as numbers, and what the HTML standard says about each by its name alone.
//!
//! Out of scope: where an element may stand (see [`Elements`](super::Elements)).

/// The name of an element without case: its letters, for names of up to 16 bytes.
pub(crate) type Name = u128;

/// The number of a name. Longer ones are folded into the same 128 bits.
pub(crate) const fn name(written: &[u8]) -> Name {
    let (mut rest, mut number) = (written, 0_u128);
    while let Some((&byte, after)) = rest.split_first() {
        // The rotation is a shift as long as the name has 16 bytes or fewer.
        number = number.rotate_left(8) ^ byte.to_ascii_lowercase() as u128;
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

/// What is known of an element by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    pub(super) flags: u16,
    pub(super) rule: Rule,
}

impl Kind {
    pub(super) const ORDINARY: Self = Self { flags: 0, rule: Rule::Ordinary };

    pub(super) fn of(wanted: Name) -> Self {
        match KINDS.binary_search_by(|(known, ..)| known.cmp(&wanted)) {
            Ok(at) => KINDS.get(at).map_or(Self::ORDINARY, |&(_, flags, rule)| Self { flags, rule }),
            Err(_) => Self::ORDINARY,
        }
    }

    pub(super) fn is(self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

const BLOCK: u16 = SPECIAL | ENDS_P;
const OLD_BLOCK: u16 = BLOCK | BREAKOUT;
const EMPTY: u16 = SPECIAL | VOID;

/// By number, which is by length first.
const KINDS: [(Name, u16, Rule); 112] = [
    (name(b"a"), 0, Rule::Single),
    (name(b"b"), BREAKOUT, Rule::Formatting),
    (name(b"i"), BREAKOUT, Rule::Formatting),
    (name(b"p"), OLD_BLOCK | IMPLIED_END, Rule::P),
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
    (name(b"ol"), OLD_BLOCK, Rule::Block),
    (name(b"rb"), IMPLIED_END, Rule::Ruby),
    (name(b"rp"), IMPLIED_END, Rule::RubyText),
    (name(b"rt"), IMPLIED_END, Rule::RubyText),
    (name(b"td"), SPECIAL | SCOPE, Rule::Cell),
    (name(b"th"), SPECIAL | SCOPE, Rule::Cell),
    (name(b"tr"), SPECIAL, Rule::Row),
    (name(b"tt"), BREAKOUT, Rule::Formatting),
    (name(b"ul"), OLD_BLOCK, Rule::Block),
    (name(b"big"), BREAKOUT, Rule::Formatting),
    (name(b"col"), EMPTY, Rule::Col),
    (name(b"dir"), BLOCK, Rule::Block),
    (name(b"div"), OLD_BLOCK, Rule::Block),
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
    (name(b"body"), SPECIAL | BREAKOUT, Rule::Body),
    (name(b"code"), BREAKOUT, Rule::Formatting),
    (name(b"font"), 0, Rule::Formatting),
    (name(b"form"), BLOCK, Rule::Form),
    (name(b"head"), SPECIAL | BREAKOUT, Rule::Head),
    (name(b"html"), SPECIAL | SCOPE, Rule::Html),
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
    (name(b"style"), SPECIAL | RAW | HEAD, Rule::Ordinary),
    (name(b"table"), OLD_BLOCK | SCOPE, Rule::Table),
    (name(b"tbody"), SPECIAL, Rule::Section),
    (name(b"tfoot"), SPECIAL, Rule::Section),
    (name(b"thead"), SPECIAL, Rule::Section),
    (name(b"title"), SPECIAL | RAW | HEAD, Rule::Ordinary),
    (name(b"track"), EMPTY, Rule::Ordinary),
    (name(b"applet"), SPECIAL | SCOPE, Rule::Block),
    (name(b"button"), SPECIAL, Rule::Button),
    (name(b"center"), OLD_BLOCK, Rule::Block),
    (name(b"dialog"), ENDS_P, Rule::Block),
    (name(b"figure"), BLOCK, Rule::Block),
    (name(b"footer"), BLOCK, Rule::Block),
    (name(b"header"), BLOCK, Rule::Block),
    (name(b"hgroup"), BLOCK, Rule::Block),
    (name(b"iframe"), SPECIAL | RAW, Rule::Ordinary),
    (name(b"keygen"), EMPTY, Rule::Ordinary),
    (name(b"object"), SPECIAL | SCOPE, Rule::Block),
    (name(b"option"), IMPLIED_END, Rule::Option),
    (name(b"script"), SPECIAL | RAW | HEAD, Rule::Ordinary),
    (name(b"search"), BLOCK, Rule::Block),
    (name(b"select"), SPECIAL | SCOPE, Rule::Select),
    (name(b"source"), EMPTY, Rule::Ordinary),
    (name(b"strike"), BREAKOUT, Rule::Formatting),
    (name(b"strong"), BREAKOUT, Rule::Formatting),
    (name(b"address"), BLOCK, Rule::Block),
    (name(b"article"), BLOCK, Rule::Block),
    (name(b"bgsound"), EMPTY | HEAD, Rule::Ordinary),
    (name(b"caption"), SPECIAL | SCOPE, Rule::Caption),
    (name(b"details"), BLOCK, Rule::Block),
    (name(b"listing"), OLD_BLOCK, Rule::Block),
    (name(b"marquee"), SPECIAL | SCOPE, Rule::Block),
    (name(b"noembed"), SPECIAL | RAW, Rule::Ordinary),
    (name(b"section"), BLOCK, Rule::Block),
    (name(b"summary"), BLOCK, Rule::Block),
    (name(b"basefont"), EMPTY | HEAD, Rule::Ordinary),
    (name(b"colgroup"), SPECIAL, Rule::Colgroup),
    (name(b"fieldset"), BLOCK, Rule::Block),
    (name(b"frameset"), SPECIAL, Rule::Ordinary),
    (name(b"noframes"), SPECIAL | RAW | HEAD, Rule::Ordinary),
    (name(b"noscript"), SPECIAL | HEAD, Rule::Ordinary),
    (name(b"optgroup"), IMPLIED_END, Rule::Optgroup),
    (name(b"template"), SPECIAL | SCOPE | HEAD, Rule::Block),
    (name(b"textarea"), SPECIAL | RAW, Rule::Ordinary),
    (name(b"plaintext"), BLOCK | RAW, Rule::Ordinary),
    (name(b"blockquote"), OLD_BLOCK, Rule::Block),
    (name(b"figcaption"), BLOCK, Rule::Block),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(KINDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
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
