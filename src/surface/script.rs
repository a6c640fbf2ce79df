//! Prices in the data of scripts and attributes: hydration data, a shop's own JSON, tags of analytics.
//!
//! In scope: `key: 1199`, `key = '8.93'`, `"key":"GBP 12,99"` in JSON and in programs, and the same within strings and
//! attributes with their escapes (`\"key\":111.99`, `&quot;key&quot;:&quot;19&quot;`), at any depth of objects.
//!
//! Which item a value is of: the innermost object around it that has an item key says so. An object that names another
//! item hides its values. Where no object around it has such a key, the value is of the item that the place is about.
//!
//! Out of scope: values that a program works out.

use super::amount;
use super::layer::{Encoding, Layer, unescape};
use super::lexer::Dialect;
use super::tree::{Interest, Kind, Node, Tree};
use super::{Find, Item, Outcome, Scale};

/// How many strings within strings are looked into.
const LAYERS_MAX: usize = 4;

/// What to look for in a script's data.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'k> {
    /// Names of values that are the price: `price`, or `prices.price` for those in an object of that name.
    pub price: &'k [String],
    /// Names of values that name an item: `sku`, `id`, `handle`.
    pub item: &'k [String],
    /// How numbers are written.
    pub scale: Scale,
}

/// The edits that make a script say the prices of its items; `item` is the name of the one that the script is about.
///
/// ```
/// use haggle::surface::{Item, Price, Scale, apply, script};
/// let price = Price { catalogue_minor: 1199, price_minor: 1099, currency: "USD".parse()?, is_disclosed: false };
/// let mut find = |name: &str| (name == "micro").then(|| Item { sku: name.into(), price });
/// let (price, item) = (["price".to_string()], ["handle".to_string()]);
/// let keys = script::Keys { price: &price, item: &item, scale: Scale::Minor };
/// let text = r#"var p = {"handle":"micro","price":1199,"compare_at_price":1999};"#;
/// let found = script::edits(text, &keys, None, &mut find).items;
/// assert_eq!(apply(text, &found[0].edits), text.replace("1199", "1099"));
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn edits(text: &str, keys: &Keys, item: Option<&str>, find: &mut Find) -> Outcome {
    Search::new(keys, item, find).of(&Layer::new(text))
}

/// As [`edits`], for the value of an attribute as it is written in the page.
pub fn attribute_edits(text: &str, keys: &Keys, item: Option<&str>, find: &mut Find) -> Outcome {
    let layer = Layer::new(text).decode(0..text.len(), Encoding::Html);
    Search::new(keys, item, find).of(&layer)
}

/// The last part of a key, and the one before.
fn parts(key: &str) -> (&str, &str) {
    key.rsplit_once('.').map_or((key, ""), |(owner, name)| (name, owner))
}

impl Interest for Keys<'_> {
    fn wants(&self, name: &str) -> bool {
        self.price.iter().any(|key| parts(key).0 == name) || self.item.iter().any(|key| key == name)
    }

    fn wants_within(&self, text: &str) -> bool {
        text.contains([':', '=']) && self.price.iter().any(|key| text.contains(parts(key).0))
    }
}

/// Whose values an object's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Those of an item, by its position.
    Item(usize),
    /// Those of something else.
    Other,
}

struct Search<'s, 'f> {
    keys: &'s Keys<'s>,
    find: &'s mut Find<'f>,
    items: Vec<Item>,
    /// Positions of the items that an object names.
    named: Vec<usize>,
    outcome: Outcome,
    scope: Scope,
}

impl<'s, 'f> Search<'s, 'f> {
    fn new(keys: &'s Keys<'s>, item: Option<&str>, find: &'s mut Find<'f>) -> Self {
        let items: Vec<Item> = item.and_then(&mut *find).into_iter().collect();
        let scope = if items.is_empty() { Scope::Other } else { Scope::Item(0) };
        Self { keys, find, items, named: Vec::new(), outcome: Outcome::default(), scope }
    }

    fn of(mut self, layer: &Layer) -> Outcome {
        self.layer(layer, self.scope, 0);
        let key = self.keys.price.first().map(String::as_str).unwrap_or_default();
        let named: Vec<&str> =
            self.named.iter().filter_map(|&at| self.items.get(at)).map(|item| item.sku.as_str()).collect();
        self.outcome.close(key, &|sku| named.contains(&sku))
    }

    fn layer(&mut self, layer: &Layer, around: Scope, depth: usize) {
        if !self.keys.price.iter().any(|key| layer.text().contains(parts(key).0)) {
            return;
        }
        let tree = Tree::new(layer.text(), Dialect::Script, self.keys);
        let scopes = self.scopes(&tree, around);
        let scope_of = |node: usize| scopes.get(node).copied().unwrap_or(Scope::Other);
        for node in tree.all().filter_map(|at| tree.node(at)) {
            if let Scope::Item(position) = scope_of(node.parent)
                && matches!(node.kind, Kind::Text | Kind::Number)
                && self.is_price(&tree, node)
            {
                self.value(layer, &tree, node, position);
            }
        }
        if tree.is_cut() {
            // What comes after is unknown: no item may be shown another price in the rest than in the beginning.
            self.items.iter().for_each(|item| self.outcome.note(&item.sku, "size", amount::Amount::Unfit));
        }
        for (part, parent) in tree.within.iter().filter(|_| depth < LAYERS_MAX) {
            let inner = layer.decode(part.clone(), Encoding::Script);
            self.layer(&inner, scope_of(*parent), depth + 1);
        }
    }

    /// Whose the values of each object are.
    fn scopes(&mut self, tree: &Tree, around: Scope) -> Vec<Scope> {
        let mut names: Vec<Option<Scope>> = vec![None; tree.all().len()];
        for node in tree.all().filter_map(|at| tree.node(at)) {
            let is_name = matches!(node.kind, Kind::Text | Kind::Number)
                && self.keys.item.iter().any(|key| key == tree.slice(&node.name));
            if !is_name {
                continue;
            }
            let item = (self.find)(&unescape(tree.slice(&node.content)));
            let scope = item.map(|item| self.position(item));
            if let Some(known) = names.get_mut(node.parent) {
                *known = match (*known, scope) {
                    (Some(Scope::Item(_)), _) => *known,
                    (_, scope) => Some(scope.unwrap_or(Scope::Other)),
                };
            }
        }
        let mut scopes: Vec<Scope> = Vec::with_capacity(names.len());
        for (at, name) in names.into_iter().enumerate() {
            let parent = tree.node(at).map_or(0, |node| node.parent);
            let outer = if at == 0 { around } else { scopes.get(parent).copied().unwrap_or(around) };
            scopes.push(name.unwrap_or(outer));
        }
        scopes
    }

    fn position(&mut self, item: Item) -> Scope {
        let known = self.items.iter().position(|known| known.sku == item.sku);
        let position = known.unwrap_or(self.items.len());
        if known.is_none() {
            self.items.push(item);
        }
        if !self.named.contains(&position) {
            self.named.push(position);
        }
        Scope::Item(position)
    }

    fn is_price(&self, tree: &Tree, node: &Node) -> bool {
        let name = tree.slice(&node.name);
        self.keys.price.iter().any(|key| {
            let (last, owner) = parts(key);
            last == name && (owner.is_empty() || owner == self.owner(tree, node))
        })
    }

    /// The name before a value's own: of `item.price`, or of the object around it.
    fn owner<'t>(&self, tree: &Tree<'t>, node: &Node) -> &'t str {
        if !node.owner.is_empty() {
            return tree.slice(&node.owner);
        }
        let parent = tree.node(node.parent).filter(|_| node.parent > 0);
        let list = parent.filter(|parent| parent.name.is_empty()).and_then(|parent| tree.node(parent.parent));
        list.or(parent).map(|around| tree.slice(&around.name)).unwrap_or_default()
    }

    fn value(&mut self, layer: &Layer, tree: &Tree, node: &Node, position: usize) {
        let Some(item) = self.items.get(position) else { return };
        let text = tree.slice(&node.content);
        let amount = amount::of_leaf(node.literal(), text, &item.price, self.keys.scale);
        let amount = match amount.shifted(node.content.start) {
            amount::Amount::Price(edits) => {
                // Deeper, a sign may mean something else than here.
                let is_plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b" .,".contains(&b));
                if layer.is_decoded() && !edits.iter().all(|edit| is_plain(&edit.text)) {
                    amount::Amount::Unfit
                } else {
                    amount::Amount::Price(edits.into_iter().map(|edit| layer.placed(edit)).collect())
                }
            }
            other => other,
        };
        self.outcome.note(&item.sku, tree.slice(&node.name), amount);
    }
}
