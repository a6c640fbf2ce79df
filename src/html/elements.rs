//! Which elements of a page are open: the "stack of open elements" of the HTML standard (13.2.4.2 and 13.2.6), as far
//! as the names of tags tell.
//!
//! It knows void elements, end tags that may be left out, tags that the standard ignores (a form in a form, a cell
//! outside of a table), wrongly nested end tags, elements that stand in the tree without a tag, and foreign content.
//!
//! Out of scope: what only building the tree can do. Content that stands wrongly in a table is taken as inside of it,
//! and formatting elements that the standard opens again after a wrong end tag stay closed.

use super::name::{
    self, BREAKOUT, BUTTON, CELL, ENDS_P, HEAD, HOLDS_ITEMS, IMPLIED_END, Kind, LIST, Name, RULES, Rule,
    SCOPE, SPECIAL, TABLE, VOID, name,
};

/// So deep are elements told apart, as in browsers; from there on nothing is known for the rest of the page.
pub(crate) const DEPTH_MAX: usize = 512;

const BR: Name = name(b"br");
const P: Name = name(b"p");

/// The name of an element whose end tag has come while elements inside it stay open.
const ENDED: Name = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Space {
    Html,
    Svg,
    Math,
}

/// Where HTML stands within svg or math (13.2.6, integration points).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    None,
    Html,
    MathText,
}

#[derive(Debug, Clone, Copy)]
struct Element {
    name: Name,
    flags: u16,
    rule: Rule,
    space: Space,
    point: Point,
}

impl Element {
    fn is(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    fn is_named(&self, wanted: Name) -> bool {
        self.space == Space::Html && self.name == wanted
    }

    fn has(&self, rule: Rule) -> bool {
        self.rule == rule && self.name != ENDED
    }
}

/// What a start tag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Opens an element, which is the deepest one now.
    Open,
    /// An element without content.
    Empty,
    /// Nothing: the standard ignores the tag, or nothing is known so deep.
    Ignored,
}

/// What the tokenizer has to know of a start tag beyond its name.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Signs {
    pub(super) self_closing: bool,
    /// A `font` that ends svg and math: with color, face or size.
    pub(super) is_old_font: bool,
    /// An `annotation-xml` whose encoding is HTML.
    pub(super) is_html_annotation: bool,
    /// An `input` that nobody sees.
    pub(super) is_hidden: bool,
}

/// The open elements, outermost first.
#[derive(Debug, Default)]
pub(crate) struct Elements {
    open: Vec<Element>,
    /// How many of them follow each rule: most searches end here.
    counts: [u16; RULES],
    kept: usize,
    around: usize,
    has_head: bool,
    has_body: bool,
    is_body_implied: bool,
    has_form: bool,
    is_lost: bool,
}

impl Elements {
    /// How many are open.
    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// How many of those that were open before the last tag still were after what it ended.
    pub(crate) fn kept(&self) -> usize {
        self.kept
    }

    /// How many elements are around the one of the last start tag: all that are open, or those around a table whose
    /// rows it stands between.
    pub(crate) fn around(&self) -> usize {
        self.around
    }

    /// The name of an open element, by its depth from 0.
    pub(crate) fn name(&self, depth: usize) -> Name {
        self.open.get(depth).map_or(ENDED, |element| element.name)
    }

    /// Whether there were too many.
    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Whether what comes now stands in an element of svg or math.
    pub(super) fn is_foreign(&self) -> bool {
        self.open.last().is_some_and(|element| element.space != Space::Html)
    }

    /// Takes a start tag in; also says whether its content is raw text.
    pub(super) fn start(&mut self, name: Name, signs: Signs) -> (Opening, bool) {
        self.kept = self.open.len();
        let kind = Kind::of(name);
        if self.is_foreign_for(name) {
            if !kind.is(BREAKOUT) && !signs.is_old_font {
                return (self.start_foreign(name, signs), false);
            }
            self.leave_foreign();
        }
        let opening = self.start_html(name, kind, signs);
        (opening, kind.is(name::RAW))
    }

    fn is_foreign_for(&self, wanted: Name) -> bool {
        const MATH_ONLY: [Name; 2] = [name(b"mglyph"), name(b"malignmark")];
        let Some(top) = self.open.last() else { return false };
        match (top.space, top.point) {
            (Space::Html, _) | (_, Point::Html) => false,
            (_, Point::MathText) => MATH_ONLY.contains(&wanted),
            (Space::Math, _) => !(top.name == name(b"annotation-xml") && wanted == name(b"svg")),
            (Space::Svg, _) => true,
        }
    }

    /// Ends svg and math up to where HTML stands in them.
    fn leave_foreign(&mut self) {
        let is_html = |open: &Element| open.space == Space::Html || open.point != Point::None;
        let inner = self.open.iter().rposition(is_html).map_or(0, |at| at + 1);
        self.truncate(inner);
    }

    fn start_foreign(&mut self, written: Name, signs: Signs) -> Opening {
        let space = self.open.last().map_or(Space::Svg, |top| top.space);
        const SVG_POINTS: [Name; 3] = [name(b"foreignobject"), name(b"desc"), name(b"title")];
        const MATH_POINTS: [Name; 5] = [name(b"mi"), name(b"mo"), name(b"mn"), name(b"ms"), name(b"mtext")];
        let is_annotation = space == Space::Math && written == name(b"annotation-xml");
        let point = match space {
            Space::Svg if SVG_POINTS.contains(&written) => Point::Html,
            Space::Math if MATH_POINTS.contains(&written) => Point::MathText,
            Space::Math if is_annotation && signs.is_html_annotation => Point::Html,
            _ => Point::None,
        };
        let is_special = point != Point::None || is_annotation;
        let flags = if is_special { SPECIAL | SCOPE | HOLDS_ITEMS } else { 0 };
        self.push(Element { name: written, flags, rule: Rule::Ordinary, space, point }, signs.self_closing)
    }

    fn start_html(&mut self, name: Name, kind: Kind, signs: Signs) -> Opening {
        if self.is_lost || !self.make_room(name, kind) {
            return Opening::Ignored;
        }
        let space = match kind.rule {
            Rule::Svg => Space::Svg,
            Rule::Math => Space::Math,
            _ => Space::Html,
        };
        match kind.rule {
            Rule::Head => self.has_head = true,
            Rule::Body => self.has_body = true,
            Rule::Form => self.has_form = true,
            _ => {}
        }
        // In a table, outside of its cells, a form holds nothing: what follows belongs to it without standing in it.
        let is_form_of_table = kind.rule == Rule::Form && self.table_outside_of_cells().is_some();
        let is_empty = kind.is(VOID) || is_form_of_table || signs.self_closing && space != Space::Html;
        let is_ordinary = kind.rule == Rule::Input && !signs.is_hidden;
        let rule = if is_ordinary { Rule::Ordinary } else { kind.rule };
        self.push(Element { name, flags: kind.flags, rule, space, point: Point::None }, is_empty)
    }

    /// Ends what the start tag of an element ends, and opens what it implies; false where the tag is ignored.
    fn make_room(&mut self, written: Name, kind: Kind) -> bool {
        if !self.make_root(written, kind) {
            return false;
        }
        match kind.rule {
            Rule::Form if self.has_form => return false,
            Rule::Li | Rule::Term => self.end_where(kind.rule, None, HOLDS_ITEMS),
            _ => {}
        }
        if kind.is(ENDS_P) {
            self.end_p();
        }
        match kind.rule {
            Rule::Heading => self.end_top(Rule::Heading),
            Rule::Option => self.end_option(|open| open.has(Rule::Optgroup)),
            Rule::Optgroup => self.end_option(|_| false),
            Rule::Hr if self.has_in_scope(Rule::Select) => self.end_implied(|_| false),
            Rule::Input => self.end_where(Rule::Select, None, SCOPE),
            Rule::Ruby if self.has_in_scope(Rule::RubyBase) => self.end_implied(|_| false),
            Rule::RubyText if self.has_in_scope(Rule::RubyBase) => {
                self.end_implied(|open| open.is_named(name(b"rtc")));
            }
            Rule::Button => self.end_where(Rule::Button, None, SCOPE),
            Rule::Single => self.end_formatting(written, kind.rule),
            Rule::Select => {
                let inner = self.open.len();
                self.end_where(Rule::Select, None, SCOPE);
                return self.open.len() == inner;
            }
            Rule::Table => {
                if let Some(table) = self.table_outside_of_cells() {
                    self.truncate(table);
                }
            }
            Rule::Cell | Rule::Row | Rule::Section | Rule::Caption | Rule::Colgroup | Rule::Col => {
                return self.make_table_room(kind.rule);
            }
            _ => {}
        }
        true
    }

    /// `html`, `head` and `body` stand in every page, with or without their tags.
    fn make_root(&mut self, written: Name, kind: Kind) -> bool {
        match kind.rule {
            Rule::Html => return self.open.is_empty(),
            Rule::Head if self.has_head || self.has_body => return false,
            // What is told of an implied body counts for it; inside of it, nothing may have come that goes on.
            Rule::Body if self.has_body => {
                let is_implied = std::mem::take(&mut self.is_body_implied) && self.open.len() == 2;
                self.truncate(if is_implied { 1 } else { self.open.len() });
                return is_implied;
            }
            _ => {}
        }
        if self.open.is_empty() {
            self.imply(name(b"html"));
        }
        if self.has_body || kind.rule == Rule::Head {
            return true;
        }
        let in_head = self.open.get(1).is_some_and(|open| open.has(Rule::Head));
        if kind.is(HEAD) {
            if !in_head {
                self.has_head = true;
                self.imply(name(b"head"));
            }
            return true;
        }
        // An image of those who count visits often stands in a noscript of the head. A browser that runs scripts takes
        // it as text, and the head goes on.
        if in_head && self.open.get(2).is_some_and(|open| open.name == name(b"noscript")) {
            return true;
        }
        self.truncate(1);
        if kind.rule != Rule::Body && written != name(b"frameset") {
            (self.has_body, self.is_body_implied) = (true, true);
            self.imply(name(b"body"));
        }
        true
    }

    fn make_table_room(&mut self, rule: Rule) -> bool {
        let Some(base) = self.open.iter().rposition(|open| open.is(TABLE)) else { return false };
        let is_template = self.open.get(base).is_some_and(|open| !open.has(Rule::Table));
        let row = self.find_above(base, Rule::Row);
        let section = self.find_above(base, Rule::Section);
        let colgroup = self.find_above(base, Rule::Colgroup);
        let parent = match rule {
            Rule::Cell => row.or(section),
            Rule::Row => section,
            Rule::Col => colgroup,
            _ => None,
        };
        self.truncate(parent.unwrap_or(base) + 1);
        if is_template {
            return true;
        }
        match rule {
            Rule::Cell | Rule::Row if section.is_none() && row.is_none() => self.imply(name(b"tbody")),
            Rule::Col if colgroup.is_none() => self.imply(name(b"colgroup")),
            _ => {}
        }
        if rule == Rule::Cell && row.is_none() {
            self.imply(name(b"tr"));
        }
        true
    }

    /// Takes an end tag in.
    pub(super) fn end(&mut self, written: Name) {
        self.kept = self.open.len();
        if self.is_lost {
            return;
        }
        if self.is_foreign() {
            if matches!(written, BR | P) {
                self.leave_foreign();
            }
            // What stands around svg and math is treated below.
            let outer = self.open.iter().rposition(|open| open.space == Space::Html).map_or(0, |at| at + 1);
            let inner = self.open.get(outer..).unwrap_or_default();
            if let Some(at) = inner.iter().rposition(|open| open.name == written) {
                return self.truncate(outer + at);
            }
        }
        self.end_html(written, Kind::of(written).rule);
    }

    fn end_html(&mut self, written: Name, rule: Rule) {
        let named = Some(written);
        match rule {
            Rule::Html | Rule::Body | Rule::Col => {}
            Rule::Head => {
                if !self.has_body && self.open.get(1).is_some_and(|open| open.has(Rule::Head)) {
                    self.truncate(1);
                }
            }
            Rule::P => self.end_p(),
            Rule::Li => self.end_where(rule, None, SCOPE | LIST),
            Rule::Heading => self.end_where(rule, None, SCOPE),
            Rule::Block | Rule::Term | Rule::Button | Rule::Select => self.end_where(rule, named, SCOPE),
            Rule::Form => self.end_form(),
            Rule::Table | Rule::Section | Rule::Row | Rule::Cell | Rule::Caption => {
                self.end_where(rule, named, TABLE);
            }
            Rule::Colgroup => self.end_top(Rule::Colgroup),
            Rule::Single | Rule::Formatting => self.end_formatting(written, rule),
            _ => self.end_where(rule, named, SPECIAL),
        }
    }

    fn end_p(&mut self) {
        self.end_where(Rule::P, None, SCOPE | BUTTON);
    }

    /// An option or a group of them ends those before it.
    fn end_option(&mut self, is_kept: impl Fn(&Element) -> bool) {
        if self.has_in_scope(Rule::Select) {
            self.end_implied(is_kept);
        } else {
            self.end_top(Rule::Option);
        }
    }

    /// Ends the innermost elements whose end tags may be left out.
    fn end_implied(&mut self, is_kept: impl Fn(&Element) -> bool) {
        while self.open.last().is_some_and(|open| open.is(IMPLIED_END) && !is_kept(open)) {
            self.truncate(self.open.len() - 1);
        }
    }

    /// The table whose cell or caption has yet to begin.
    fn table_outside_of_cells(&self) -> Option<usize> {
        self.find(Rule::Table, None, CELL)
    }

    fn has_in_scope(&self, rule: Rule) -> bool {
        self.find(rule, None, SCOPE).is_some()
    }

    /// The "adoption agency" without its moves: where a block stands inside, that one stays open.
    fn end_formatting(&mut self, written: Name, rule: Rule) {
        if let Some(at) = self.find(rule, Some(written), SCOPE) {
            self.end_or_leave(at, |inner| !inner.is(SPECIAL));
        }
    }

    fn end_form(&mut self) {
        if std::mem::take(&mut self.has_form)
            && let Some(at) = self.find(Rule::Form, None, SCOPE)
        {
            self.end_or_leave(at, |inner| inner.is(IMPLIED_END));
        }
    }

    /// Ends an element and all inside it; where something inside cannot end with it, only its name.
    fn end_or_leave(&mut self, at: usize, can_end: impl Fn(&Element) -> bool) {
        if self.open.iter().skip(at + 1).all(can_end) {
            self.truncate(at);
        } else if let Some(element) = self.open.get_mut(at) {
            element.name = ENDED;
            let rule = std::mem::replace(&mut element.rule, Rule::Ordinary);
            self.count(rule, -1);
            self.count(Rule::Ordinary, 1);
        }
    }

    fn end_top(&mut self, rule: Rule) {
        if self.open.last().is_some_and(|open| open.has(rule)) {
            self.truncate(self.open.len() - 1);
        }
    }

    fn end_where(&mut self, rule: Rule, named: Option<Name>, stop: u16) {
        if let Some(at) = self.find(rule, named, stop) {
            self.truncate(at);
        }
    }

    /// The innermost element of a rule, or of a name and its rule, unless one with a flag that stops the search stands
    /// inside it.
    fn find(&self, rule: Rule, named: Option<Name>, stop: u16) -> Option<usize> {
        if self.counts.get(rule as usize).is_none_or(|&count| count == 0) {
            return None;
        }
        let is_meant = |open: &Element| match named {
            Some(name) => open.is_named(name),
            None => open.has(rule),
        };
        let at = self.open.iter().rposition(|open| is_meant(open) || open.is(stop))?;
        self.open.get(at).is_some_and(is_meant).then_some(at)
    }

    fn find_above(&self, base: usize, rule: Rule) -> Option<usize> {
        let inner = self.open.get(base + 1..)?;
        Some(base + 1 + inner.iter().rposition(|open| open.has(rule))?)
    }

    fn truncate(&mut self, depth: usize) {
        while self.open.len() > depth
            && let Some(element) = self.open.pop()
        {
            self.count(element.rule, -1);
        }
        self.kept = self.kept.min(depth);
    }

    fn count(&mut self, rule: Rule, change: i16) {
        if let Some(count) = self.counts.get_mut(rule as usize) {
            *count = count.saturating_add_signed(change);
        }
    }

    /// Opens an element that has no tag in the page.
    fn imply(&mut self, name: Name) {
        let Kind { flags, rule } = Kind::of(name);
        self.push(Element { name, flags, rule, space: Space::Html, point: Point::None }, false);
    }

    fn push(&mut self, element: Element, is_empty: bool) -> Opening {
        self.around = self.open.len();
        if self.open.last().is_some_and(is_table_part) && !stays_in_table(&element) {
            let is_base = |open: &Element| open.has(Rule::Table);
            self.around = self.open.iter().rposition(is_base).unwrap_or(self.around);
        }
        if is_empty {
            return Opening::Empty;
        }
        if self.open.len() >= DEPTH_MAX {
            self.is_lost = true;
            return Opening::Ignored;
        }
        self.count(element.rule, 1);
        self.open.push(element);
        Opening::Open
    }
}

/// Whether an element can stand in a table outside of its cells; others stand before the table (13.2.6.1, "foster
/// parenting").
fn stays_in_table(element: &Element) -> bool {
    const SILENT: [Name; 3] = [name(b"script"), name(b"style"), name(b"template")];
    match element.rule {
        Rule::Cell | Rule::Row | Rule::Section | Rule::Caption | Rule::Colgroup | Rule::Col => true,
        Rule::Form | Rule::Input => true,
        _ => SILENT.contains(&element.name),
    }
}

fn is_table_part(element: &Element) -> bool {
    element.has(Rule::Table) || element.has(Rule::Section) || element.has(Rule::Row)
}
