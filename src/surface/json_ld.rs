//! Prices in schema.org data (JSON-LD): which product of a page they belong to, and what of them is its price.
//!
//! The properties are those of <https://schema.org/Offer> (`price`, `priceCurrency`, `sku`, `priceSpecification`,
//! `itemOffered`), <https://schema.org/AggregateOffer> (`lowPrice`, `highPrice`, `offers`),
//! <https://schema.org/UnitPriceSpecification> (`price`, `priceType`, `validForMemberTier`),
//! <https://schema.org/ProductGroup> (`hasVariant`) and <https://schema.org/Product> (`offers`, `sku`, `productID`,
//! `mpn`, `url`). A product stands at the top of the data, in a list or `@graph` there, or is the `mainEntity` or the
//! `itemListElement` of what does.
//!
//! A product is the item that one of its names stands for, else the item of the page where it is the only product at
//! the top. An offer with the `sku` of an item is of that item.
//!
//! Not read, so never changed: prices of shipping, add-ons and deposits, `isRelatedTo`, `isSimilarTo`, reviews, and
//! everything else that is not named here.
//!
//! Out of scope: JSON-LD contexts that give the properties other names.

use std::collections::{BTreeMap, BTreeSet};

use super::amount::{self, Amount};
use super::layer::unescape;
use super::lexer::Dialect;
use super::script::{self, Keys};
use super::tree::{Interest, Kind, Node, Tree};
use super::{Find, Item, Outcome, Price, Scale};

/// How far offers in offers and variants of variants are followed.
const DEPTH_MAX: usize = 12;

/// Types of what a shop sells: <https://schema.org/Product> and its subtypes, and what else has `offers` in a shop.
const PRODUCTS: [&str; 18] = [
    "Product",
    "ProductGroup",
    "ProductModel",
    "ProductCollection",
    "IndividualProduct",
    "SomeProducts",
    "Vehicle",
    "Car",
    "Motorcycle",
    "MotorizedBicycle",
    "DietarySupplement",
    "Drug",
    "Book",
    "MusicAlbum",
    "Movie",
    "VideoGame",
    "SoftwareApplication",
    "Service",
];

/// Types of what has a price.
const OFFERS: [&str; 2] = ["Offer", "AggregateOffer"];

/// Prices of something else than the product (<https://schema.org/PriceSpecification>, its subtypes).
const CHARGES: [&str; 2] = ["DeliveryChargeSpecification", "PaymentChargeSpecification"];

/// Kinds of price that are not what the buyer pays (<https://schema.org/PriceTypeEnumeration>).
const COMPARED: [&str; 4] = ["ListPrice", "StrikethroughPrice", "MSRP", "SRP"];

/// The edits that make the schema.org data of a page say the prices of its items.
///
/// `page` is the name of the item that the page is about. Data that are not JSON are searched for `price`, `lowPrice`
/// and `highPrice` of the page's item.
///
/// ```
/// use haggle::surface::{Item, Price, apply, json_ld};
/// let json = r#"{"@type": "Product", "sku": "OLIVE-500",
///     "offers": {"@type": "Offer", "price": "19.00", "priceCurrency": "EUR"}}"#;
/// let currency = "EUR".parse()?;
/// let price = Price { catalogue_minor: 1900, price_minor: 1750, currency, is_disclosed: false };
/// let mut find = |name: &str| (name == "OLIVE-500").then(|| Item { sku: name.into(), price });
/// let found = json_ld::edits(json, None, &mut find).items;
/// assert_eq!(apply(json, &found[0].edits), json.replace("19.00", "17.50"));
/// # Ok::<(), haggle::Error>(())
/// ```
pub fn edits(text: &str, page: Option<&str>, find: &mut Find) -> Outcome {
    let tree = Tree::new(text, Dialect::Json, &Properties);
    let things = Things::new(&tree);
    let mut products = Vec::new();
    things.collect(0, Way::Top, 0, &mut products);
    if products.is_empty() && !tree.is_sound {
        let names = ["price", "lowPrice", "highPrice"].map(String::from);
        let keys = Keys { price: &names, item: &[], scale: Scale::Major };
        return script::edits(text, &keys, page, find);
    }
    let page = page.and_then(&mut *find);
    let tops = products.iter().filter(|(_, way)| *way == Way::Top).count();
    let mut reader = Reader { things: &things, find, seen: BTreeSet::new(), outcome: Outcome::default() };
    for &(product, way) in &products {
        let heir = page.as_ref().filter(|_| tops == 1 && way == Way::Top);
        reader.product(product, heir, 0);
    }
    if let Some(page) = page.filter(|page| tops > 1 && !reader.outcome.has(&page.sku)) {
        reader.refuse_ambiguous(&products, &page);
    }
    let mut outcome = reader.outcome.close("price", &|_| true);
    if tree.is_cut() {
        outcome.items.iter_mut().for_each(|item| item.mismatch("size"));
    }
    outcome
}

/// The properties that are read.
struct Properties;

impl Interest for Properties {
    fn wants(&self, name: &str) -> bool {
        const NAMES: [&str; 13] = [
            "@type",
            "@id",
            "sku",
            "productID",
            "productId",
            "mpn",
            "url",
            "price",
            "lowPrice",
            "highPrice",
            "priceCurrency",
            "priceType",
            "validForMemberTier",
        ];
        NAMES.contains(&name)
    }
}

/// The objects of the data.
struct Things<'t> {
    tree: &'t Tree<'t>,
    /// Where those are that have a name and more than that.
    ids: BTreeMap<&'t str, usize>,
}

impl<'t> Things<'t> {
    fn new(tree: &'t Tree<'t>) -> Self {
        let mut ids = BTreeMap::new();
        for node in tree.all().filter_map(|at| tree.node(at)).filter(|node| tree.slice(&node.name) == "@id") {
            if node.kind == Kind::Text && tree.children(node.parent).nth(1).is_some() {
                ids.entry(tree.slice(&node.content)).or_insert(node.parent);
            }
        }
        Self { tree, ids }
    }

    /// What stands under a property, lists taken apart.
    fn under(&self, of: usize, property: &str) -> Vec<(usize, &'t Node)> {
        let mut found = Vec::new();
        for (at, node) in self.tree.children(of).filter(|(_, node)| self.tree.slice(&node.name) == property) {
            if node.kind == Kind::List {
                found.extend(self.tree.children(at));
            } else {
                found.push((at, node));
            }
        }
        found
    }

    /// Objects under a property; one that is only an `@id` stands for the object at the top with that name.
    fn objects(&self, of: usize, property: &str) -> Vec<usize> {
        let objects = self.under(of, property);
        let objects = objects.into_iter().filter(|(_, node)| node.kind == Kind::Object);
        objects.map(|(at, _)| self.referred(at)).collect()
    }

    fn referred(&self, at: usize) -> usize {
        let mut children = self.tree.children(at);
        let (Some((_, id)), None) = (children.next(), children.next()) else { return at };
        let is_id = self.tree.slice(&id.name) == "@id";
        let known = self.ids.get(self.tree.slice(&id.content)).filter(|_| is_id);
        known.copied().unwrap_or(at)
    }

    /// Texts and numbers under a property, without their escapes.
    fn texts(&self, of: usize, property: &str) -> Vec<String> {
        let leaves = self.under(of, property);
        let leaves = leaves.iter().filter(|(_, node)| matches!(node.kind, Kind::Text | Kind::Number));
        leaves.map(|(_, node)| unescape(self.tree.slice(&node.content)).into_owned()).collect()
    }

    /// Whether one of the values under a property, each a name of schema.org, is among some.
    fn is_one_of(&self, of: usize, property: &str, names: &[&str]) -> bool {
        self.texts(of, property).iter().any(|value| {
            // `https://schema.org/Product`, `schema:Product`, `Product`.
            let name = value.rsplit(['/', '#', ':']).next().unwrap_or_default();
            names.contains(&name)
        })
    }

    /// What names an object: its keys, and the last parts of its addresses.
    fn names(&self, of: usize) -> Vec<String> {
        let mut names = Vec::new();
        for property in ["sku", "productID", "productId", "mpn"] {
            for value in self.texts(of, property) {
                // `productID` says what kind of key it is: `sku:OLIVE-500`.
                names.extend(value.split_once(':').map(|(_, key)| key.to_string()));
                names.push(value);
            }
        }
        for property in ["url", "@id"] {
            for value in self.texts(of, property) {
                let path = value.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
                names.extend(path.rsplit('/').next().map(String::from));
            }
        }
        names
    }

    /// Products at the top, and products in lists of products.
    fn collect(&self, of: usize, way: Way, depth: usize, products: &mut Vec<(usize, Way)>) {
        for (at, node) in self.tree.children(of) {
            let way = match self.tree.slice(&node.name) {
                "" | "@graph" | "mainEntity" => way,
                "itemListElement" | "item" => Way::Listed,
                _ => continue,
            };
            let is_product = node.kind == Kind::Object
                && (self.is_one_of(at, "@type", &PRODUCTS) || !self.objects(at, "itemOffered").is_empty());
            if is_product {
                products.push((at, way));
            } else if depth < DEPTH_MAX && matches!(node.kind, Kind::Object | Kind::List) {
                self.collect(at, way, depth + 1, products);
            }
        }
    }
}

/// How a product was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The page may be about it.
    Top,
    /// It is one of a list.
    Listed,
}

/// Compares the prices of products with those of the items.
struct Reader<'r, 'f> {
    things: &'r Things<'r>,
    find: &'r mut Find<'f>,
    /// Products and offers that were read: names may lead in circles.
    seen: BTreeSet<usize>,
    outcome: Outcome,
}

impl Reader<'_, '_> {
    fn named(&mut self, names: &[String]) -> Option<Item> {
        names.iter().find_map(|name| (self.find)(name))
    }

    /// All offers of a product and of its variants; they are of the heir's item unless a name says otherwise.
    fn product(&mut self, at: usize, heir: Option<&Item>, depth: usize) {
        if depth > DEPTH_MAX || !self.seen.insert(at) {
            return;
        }
        let named = self.named(&self.things.names(at));
        let item = named.as_ref().or(heir);
        if self.things.is_one_of(at, "@type", &OFFERS) {
            self.seen.remove(&at);
            return self.offer(at, item, depth + 1);
        }
        for offer in self.things.objects(at, "offers") {
            self.offer(offer, item, depth + 1);
        }
        for variant in self.things.objects(at, "hasVariant") {
            self.product(variant, item, depth + 1);
        }
    }

    /// Several products at the top, none of which is named as the page's item: it may be any that has its price.
    fn refuse_ambiguous(&mut self, products: &[(usize, Way)], page: &Item) {
        let outcome = std::mem::take(&mut self.outcome);
        self.seen.clear();
        for &(product, _) in products.iter().filter(|(_, way)| *way == Way::Top) {
            self.product(product, Some(page), 0);
        }
        let tried = std::mem::replace(&mut self.outcome, outcome);
        if tried.items.iter().any(|item| item.sku == page.sku && item.written > 0) {
            self.outcome.note(&page.sku, "price", Amount::Unfit);
        }
    }

    fn offer(&mut self, at: usize, heir: Option<&Item>, depth: usize) {
        if depth > DEPTH_MAX || !self.seen.insert(at) {
            return;
        }
        let mut names = self.things.texts(at, "sku");
        for product in self.things.objects(at, "itemOffered") {
            names.extend(self.things.names(product));
        }
        let named = self.named(&names);
        let item = named.as_ref().or(heir);
        if let Some(item) = item {
            self.prices(at, item);
            for specification in self.things.objects(at, "priceSpecification") {
                self.specification(specification, item);
            }
        }
        if !self.things.is_one_of(at, "@type", &PRODUCTS) {
            for offer in self.things.objects(at, "offers") {
                self.offer(offer, item, depth + 1);
            }
        }
    }

    fn specification(&mut self, at: usize, item: &Item) {
        let things = self.things;
        let has_tier =
            things.tree.children(at).any(|(_, node)| things.tree.slice(&node.name) == "validForMemberTier");
        if has_tier || things.is_one_of(at, "@type", &CHARGES) {
            return;
        }
        if !things.is_one_of(at, "priceType", &COMPARED) {
            return self.prices(at, item);
        }
        // The price before may not be lower than the price now, unless it was already.
        let Price { catalogue_minor, price_minor, .. } = item.price;
        let before = self.value(at, "price", item);
        if before.is_some_and(|before| before >= catalogue_minor && before < price_minor) {
            self.outcome.note(&item.sku, "priceSpecification", Amount::Unfit);
        }
    }

    /// The amounts of an offer or a price specification.
    fn prices(&mut self, at: usize, item: &Item) {
        let currencies = self.things.texts(at, "priceCurrency");
        let currency = item.price.currency.to_string();
        // Codes are in capitals; a shop that writes them small means the same currency.
        let is_ours = currencies.iter().any(|code| code.trim().eq_ignore_ascii_case(&currency));
        if !currencies.is_empty() && !is_ours {
            return;
        }
        for property in ["price", "lowPrice", "highPrice"] {
            for (_, leaf) in self.things.under(at, property) {
                let text = self.things.tree.slice(&leaf.content);
                let amount = amount::of_leaf(leaf.literal(), text, &item.price, Scale::Major);
                self.outcome.note(&item.sku, property, amount.shifted(leaf.content.start));
            }
        }
        let (low, high) = (self.value(at, "lowPrice", item), self.value(at, "highPrice", item));
        if let (Some(low), Some(high)) = (low, high) {
            let Price { catalogue_minor, price_minor, .. } = item.price;
            let after = |value: i64| if value == catalogue_minor { price_minor } else { value };
            if low <= high && after(low) > after(high) {
                self.outcome.note(&item.sku, "lowPrice", Amount::Unfit);
            }
        }
    }

    fn value(&self, at: usize, property: &str, item: &Item) -> Option<i64> {
        let texts = self.things.texts(at, property);
        texts.first().and_then(|text| amount::value(text, &item.price))
    }
}
