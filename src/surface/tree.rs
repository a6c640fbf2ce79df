//! Which value stands under which name in which object: what is of interest of a JSON text or of a program.
//!
//! A flat list in the order of the text, because most of a page's data is of no interest: an object in which nothing
//! was found leaves no trace. The braces of a program's blocks count as objects, and `name = value` as `name: value`.

use std::ops::Range;

use super::amount::Literal;
use super::lexer::{Dialect, Lexer, Token};

/// Most places of interest in one text; a listing of 2 000 items has some 10 000.
const NODES_MAX: usize = 65_536;

/// Most objects and lists within each other that are told apart.
const DEPTH_MAX: usize = 64;

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `{ }`.
    Object,
    /// `[ ]` or `( )`.
    List,
    /// A string.
    Text,
    /// A number.
    Number,
}

/// A place. The first one is the whole text.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The name under which it stands; empty in a list.
    pub(super) name: Range<usize>,
    /// The name before that name's dot, as in `item.price`; empty where there is none.
    pub(super) owner: Range<usize>,
    /// The text of a string or of a number.
    pub(super) content: Range<usize>,
    /// Position of the object or list in which it stands.
    pub(super) parent: usize,
    /// Position after the last place within it.
    pub(super) end: usize,
}

impl Node {
    /// How its content is written.
    pub(super) fn literal(&self) -> Literal {
        if self.kind == Kind::Number { Literal::Number } else { Literal::Text }
    }
}

/// What a reader of a text looks for.
pub(super) trait Interest {
    /// Whether strings and numbers under a name are of interest (in a list: the name of the list).
    fn wants(&self, name: &str) -> bool;

    /// Whether a string that is not under such a name may have data in it.
    fn wants_within(&self, _text: &str) -> bool {
        false
    }
}

/// The places of a text.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub(super) text: &'a str,
    nodes: Vec<Node>,
    /// Strings that may have data in them, with the object in which each stands.
    pub(super) within: Vec<(Range<usize>, usize)>,
    /// Objects and lists end as they begin, and all was kept.
    pub(super) is_sound: bool,
}

impl<'a> Tree<'a> {
    pub(super) fn new(text: &'a str, dialect: Dialect, interest: &dyn Interest) -> Self {
        let whole =
            Node { kind: Kind::Object, name: 0..0, owner: 0..0, content: 0..text.len(), parent: 0, end: 1 };
        let tree = Tree { text, nodes: vec![whole], within: Vec::new(), is_sound: true };
        let mut builder =
            Builder { tree, interest, open: vec![0], too_deep: 0, last: None, name: None, owner: None };
        let mut lexer = Lexer::new(text, dialect);
        while let Some(token) = lexer.next() {
            builder.take(token, &lexer);
            if builder.tree.nodes.len() >= NODES_MAX {
                builder.tree.is_sound = false;
                break;
            }
        }
        builder.end()
    }

    /// Whether there was more than is kept.
    pub(super) fn is_cut(&self) -> bool {
        self.nodes.len() >= NODES_MAX
    }

    pub(super) fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }

    /// The positions of all places, in the order of the text.
    pub(super) fn all(&self) -> Range<usize> {
        0..self.nodes.len()
    }

    /// The places within one, without what is within them.
    pub(super) fn children(&self, of: usize) -> impl Iterator<Item = (usize, &Node)> {
        let end = self.node(of).map_or(0, |node| node.end);
        let mut at = of + 1;
        std::iter::from_fn(move || {
            let (here, node) = (at, self.nodes.get(at).filter(|_| at < end)?);
            at = node.end.max(at + 1);
            Some((here, node))
        })
    }

    pub(super) fn slice(&self, range: &Range<usize>) -> &'a str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

/// A name that was read, and the one before its dot.
#[derive(Debug, Clone)]
struct Name {
    name: Range<usize>,
    owner: Range<usize>,
}

struct Builder<'a, 'i> {
    tree: Tree<'a>,
    interest: &'i dyn Interest,
    /// Positions of the objects and lists that have not ended.
    open: Vec<usize>,
    /// How many of them are too deep to be told apart.
    too_deep: usize,
    /// The string or word that was just read: the name, if a sign follows that says so.
    last: Option<Name>,
    /// The name whose value comes next.
    name: Option<Name>,
    /// The word before a dot.
    owner: Option<Range<usize>>,
}

impl<'a> Builder<'a, '_> {
    fn take(&mut self, token: Token, lexer: &Lexer) {
        match token {
            Token::Text(content) => {
                let (parent, count) = (self.parent(), self.tree.nodes.len());
                self.leaf(Kind::Text, content.clone());
                if self.tree.nodes.len() == count && self.interest.wants_within(self.tree.slice(&content)) {
                    self.tree.within.push((content.clone(), parent));
                }
                self.last = Some(Name { name: content, owner: 0..0 });
            }
            Token::Number(content) => {
                self.leaf(Kind::Number, content.clone());
                self.last = Some(Name { name: content, owner: 0..0 });
            }
            Token::Word(name) => {
                self.name = None;
                self.last = Some(Name { name, owner: self.owner.take().unwrap_or_default() });
            }
            Token::Sign(b':') => self.name = self.last.take(),
            Token::Sign(b'=') => {
                let before = lexer.position().checked_sub(2).and_then(|at| self.tree.text.as_bytes().get(at));
                let is_compared = matches!(lexer.peek(0), Some(b'=' | b'>'))
                    || before.is_some_and(|byte| b"=!<>+-*/%&|^?~".contains(byte));
                self.name = self.last.take().filter(|_| !is_compared);
            }
            Token::Sign(b'.') => {
                self.owner = self.last.take().map(|last| last.name);
                self.name = None;
            }
            Token::Sign(b'{') => self.begin(Kind::Object),
            Token::Sign(b'[' | b'(') => self.begin(Kind::List),
            Token::Sign(b'}') => self.finish(Kind::Object),
            Token::Sign(b']' | b')') => self.finish(Kind::List),
            Token::Sign(_) => (self.last, self.name, self.owner) = (None, None, None),
        }
    }

    fn parent(&self) -> usize {
        self.open.last().copied().unwrap_or_default()
    }

    fn push(&mut self, kind: Kind, content: Range<usize>) {
        let Name { name, owner } = self.name.take().unwrap_or(Name { name: 0..0, owner: 0..0 });
        let (parent, end) = (self.parent(), self.tree.nodes.len() + 1);
        self.tree.nodes.push(Node { kind, name, owner, content, parent, end });
    }

    /// Keeps a string or a number if it is of interest.
    fn leaf(&mut self, kind: Kind, content: Range<usize>) {
        let name = match &self.name {
            Some(name) => name.name.clone(),
            None => match self.tree.node(self.parent()) {
                Some(list) if list.kind == Kind::List => list.name.clone(),
                _ => return,
            },
        };
        if !name.is_empty() && self.interest.wants(self.tree.slice(&name)) {
            self.push(kind, content);
        }
        self.name = None;
    }

    fn begin(&mut self, kind: Kind) {
        if self.open.len() >= DEPTH_MAX || self.too_deep > 0 {
            self.too_deep += 1;
        } else {
            let at = self.tree.nodes.len();
            self.push(kind, 0..0);
            self.open.push(at);
        }
        (self.last, self.name, self.owner) = (None, None, None);
    }

    fn finish(&mut self, kind: Kind) {
        (self.last, self.name, self.owner) = (None, None, None);
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let is_kind = |&at: &usize| at > 0 && self.tree.node(at).is_some_and(|node| node.kind == kind);
        let Some(level) = self.open.iter().rposition(is_kind) else {
            self.tree.is_sound = false;
            return;
        };
        self.tree.is_sound &= level + 1 == self.open.len();
        while self.open.len() > level {
            self.close_last();
        }
    }

    fn close_last(&mut self) {
        let Some(at) = self.open.pop() else { return };
        let count = self.tree.nodes.len();
        let has_strings = self.tree.within.last().is_some_and(|&(_, parent)| parent >= at);
        let is_needed = at == 0 || count > at + 1 || has_strings;
        if !is_needed {
            self.tree.nodes.truncate(at);
        } else if let Some(node) = self.tree.nodes.get_mut(at) {
            node.end = count;
        }
    }

    fn end(mut self) -> Tree<'a> {
        self.tree.is_sound &= self.open.len() == 1;
        while !self.open.is_empty() {
            self.close_last();
        }
        self.tree
    }
}
