//! The tokens of a page as html5ever sees them, the tree builder's orders to its tokenizer included.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token as Theirs, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts};
use markup5ever_rcdom::{Handle, RcDom};
use std::cell::RefCell;

/// A token with what it says; texts that follow one another are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Start { name: String, attributes: Vec<(String, String)>, self_closing: bool },
    End(String),
    Text(String),
    Comment(String),
    Doctype,
}

/// Adds a token.
pub(crate) fn say(said: &mut Vec<Said>, token: Said) {
    match (said.last_mut(), token) {
        (Some(Said::Text(before)), Said::Text(text)) => before.push_str(&text),
        (_, Said::Text(text)) if text.is_empty() => {}
        (_, token) => said.push(token),
    }
}

struct Recorder {
    tree: TreeBuilder<Handle, RcDom>,
    said: RefCell<Vec<Said>>,
}

impl TokenSink for Recorder {
    type Handle = Handle;

    fn process_token(&self, token: Theirs, line: u64) -> TokenSinkResult<Handle> {
        let mut said = self.said.borrow_mut();
        match &token {
            Theirs::TagToken(tag) if tag.kind == TagKind::StartTag => {
                let attribute =
                    |one: &html5ever::Attribute| (one.name.local.to_string(), one.value.to_string());
                let attributes = tag.attrs.iter().map(attribute).collect();
                let (name, self_closing) = (tag.name.to_string(), tag.self_closing);
                say(&mut said, Said::Start { name, attributes, self_closing });
            }
            Theirs::TagToken(tag) => say(&mut said, Said::End(tag.name.to_string())),
            Theirs::CommentToken(text) => say(&mut said, Said::Comment(text.to_string())),
            Theirs::CharacterTokens(text) => say(&mut said, Said::Text(text.to_string())),
            Theirs::DoctypeToken(_) => say(&mut said, Said::Doctype),
            _ => {}
        }
        drop(said);
        self.tree.process_token(token, line)
    }

    fn end(&self) {
        self.tree.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.tree.adjusted_current_node_present_but_not_in_html_namespace()
    }
}

/// The tokens of a page and its tree.
pub(crate) fn read(page: &str) -> (Vec<Said>, RcDom) {
    let options = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let recorder = Recorder { tree: TreeBuilder::new(RcDom::default(), options), said: RefCell::default() };
    let tokenizer = Tokenizer::new(recorder, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    // A script's end stops it, as if the script were to run.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    (tokenizer.sink.said.into_inner(), tokenizer.sink.tree.sink)
}
