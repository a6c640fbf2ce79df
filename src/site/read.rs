//! Reading a site is validating it: TOML and JSON are one document, read by the same rules. A preset is such a
//! document too.

use std::collections::BTreeMap;

use super::presets::COMMON;
use super::{Card, CardSku, Charge, FIELD, PageRule, Pattern, Place, Preset, Role, Rule, Site, Surface};
use crate::Error;
use crate::json::{Fields, Value};
use crate::selector::Selectors;
use crate::surface::Scale;

pub(super) const FIELDS: [&str; 8] =
    ["preset", "charge", "field", "skus", "pages", "cards", "surfaces", "forms"];

/// Most entries of `skus`: as many names as an object in JSON may have.
const SKUS_MAX: usize = 64;
/// Most entries of each list of rules; and of each list within a rule.
const RULES_MAX: usize = 64;
/// Longest text, in bytes.
const TEXT_MAX: usize = 500;

/// The lists of a site file, its own or a preset's.
struct Rules {
    pages: Vec<PageRule>,
    cards: Vec<Card>,
    surfaces: Vec<Surface>,
    forms: Vec<String>,
}

impl Site {
    pub(super) fn read(mut fields: Fields) -> Result<Self, Error> {
        let preset = fields.take("preset").if_any();
        let preset = preset.map(|preset| preset.one_of(&Preset::ALL, Preset::name_of)).transpose()?;
        let charge = fields.take("charge").if_any();
        let charge = charge.map(|charge| read_charge(&charge, preset)).transpose()?;
        let field = fields.take("field").if_any().map(read_text).transpose()?;
        let skus = fields.take("skus").if_any().map(read_skus).transpose()?.unwrap_or_default();
        let mut rules = Rules::read(&mut fields)?;
        let mut preset_field = None;
        if let Some(preset) = preset {
            for text in [preset.rules(), COMMON] {
                let mut fields = Fields::parse("a preset", text, &FIELDS)?;
                preset_field = preset_field.or(fields.take("field").if_any().map(read_text).transpose()?);
                rules.put_behind(Rules::read(&mut fields)?);
            }
        }
        let (selectors, purposes) = rules.compile()?;
        Ok(Self {
            preset,
            charge: charge.or(preset.map(Preset::charge)).unwrap_or(Charge::Server),
            field: field.or(preset_field).unwrap_or_else(|| FIELD.into()),
            skus,
            pages: rules.pages,
            cards: rules.cards,
            surfaces: rules.surfaces,
            selectors,
            rules: purposes,
        })
    }
}

impl Preset {
    fn name_of(preset: &Self) -> &'static str {
        preset.name()
    }
}

impl Rules {
    fn read(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            pages: read_list(fields.take("pages"), PageRule::read)?,
            cards: read_list(fields.take("cards"), Card::read)?,
            surfaces: read_list(fields.take("surfaces"), Surface::read)?,
            forms: read_list(fields.take("forms"), read_form)?,
        })
    }

    /// Adds rules that come after the others, and only where these have none for the same elements.
    fn put_behind(&mut self, others: Self) {
        self.pages.extend(others.pages);
        for card in others.cards {
            if !self.cards.iter().any(|known| known.selector == card.selector) {
                self.cards.push(card);
            }
        }
        let own: Vec<(String, Place)> =
            self.surfaces.iter().map(|own| (own.selector.clone(), own.place)).collect();
        let is_new = |surface: &Surface| {
            !own.iter().any(|(selector, place)| *selector == surface.selector && *place == surface.place)
        };
        self.surfaces.extend(others.surfaces.into_iter().filter(is_new));
        for form in others.forms {
            if !self.forms.contains(&form) {
                self.forms.push(form);
            }
        }
    }

    /// The selectors of all rules, to be matched together.
    fn compile(&self) -> Result<(Selectors, Vec<Rule>), Error> {
        let cards = self.cards.iter().enumerate().flat_map(|(i, card)| {
            let within = card.sku.as_ref().and_then(|sku| sku.selector.as_deref());
            [Some((card.selector.as_str(), Rule::Card(i))), within.map(|text| (text, Rule::CardSku(i)))]
        });
        let surfaces = self.surfaces.iter().enumerate();
        let surfaces = surfaces.map(|(i, surface)| (surface.selector.as_str(), Rule::Surface(i)));
        let forms = self.forms.iter().map(|form| (form.as_str(), Rule::Form));
        let (texts, rules): (Vec<&str>, Vec<Rule>) = cards.flatten().chain(surfaces).chain(forms).unzip();
        Ok((Selectors::parse(texts)?, rules))
    }
}

fn read_list<T>(list: Value, read: fn(Value) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    let Some(list) = list.if_any() else { return Ok(Vec::new()) };
    let too_many = list.refusal(format!("a list of at most {RULES_MAX}"));
    let values = list.list()?;
    if values.len() > RULES_MAX {
        return Err(too_many);
    }
    values.into_iter().map(read).collect()
}

fn read_text(value: Value) -> Result<String, Error> {
    let refused = value.refusal("a text of 1 to 500 bytes without control characters");
    let text = value.text()?;
    let is_fit = !text.trim().is_empty() && text.len() <= TEXT_MAX && !text.contains(char::is_control);
    if is_fit { Ok(text) } else { Err(refused) }
}

/// A selector; what is wrong with it is said with its place.
fn read_selector(value: Value) -> Result<String, Error> {
    let place = value.clone();
    let text = read_text(value)?;
    match Selectors::parse([text.as_str()]) {
        Ok(_) => Ok(text),
        Err(error) => Err(place.refusal(format!("a selector that is supported: {error}"))),
    }
}

fn read_pattern(value: Value) -> Result<Pattern, Error> {
    let place = value.clone();
    let text = read_text(value)?;
    Pattern::parse(&text).map_err(|error| place.refusal(format!("a pattern: {error}")))
}

/// The name of an attribute: HTML has them in any case, rules in small letters.
fn read_attribute(value: Value) -> Result<String, Error> {
    let refused = value.refusal("the name of an attribute, without spaces, quotes, = and <");
    let text = read_text(value)?.to_ascii_lowercase();
    let is_name = !text.contains([' ', '"', '\'', '=', '<', '>', '/']);
    if is_name { Ok(text) } else { Err(refused) }
}

fn read_charge(value: &Value, preset: Option<&Preset>) -> Result<Charge, Error> {
    let charge = value.one_of(&Charge::ALL, Charge::name)?;
    let (needed, what) = match charge {
        Charge::CartTransform => ("shopify", "a Cart Transform function is one of Shopify"),
        Charge::CartApi => ("bigcommerce", "a cart with prices of a server's choice is one of BigCommerce"),
        _ => return Ok(charge),
    };
    if preset.is_none_or(|preset| preset.name() == needed) {
        return Ok(charge);
    }
    Err(value.refusal(format!("server or none with this preset: {what}")))
}

fn read_skus(value: Value) -> Result<BTreeMap<String, String>, Error> {
    let too_many = value.refusal(format!("an object of at most {SKUS_MAX} names"));
    let fields = value.any_fields()?.rest();
    if fields.len() > SKUS_MAX {
        return Err(too_many);
    }
    fields.into_iter().map(|(name, sku)| Ok((name, read_text(sku)?))).collect()
}

fn read_form(form: Value) -> Result<String, Error> {
    read_selector(form.fields(&["selector"])?.take("selector"))
}

impl PageRule {
    fn read(page: Value) -> Result<Self, Error> {
        let mut fields = page.fields(&["path", "sku"])?;
        let (place, sku) = (fields.take("path"), fields.take("sku").if_any());
        let path = read_pattern(place.clone())?;
        match (path.has_sku(), sku) {
            (true, Some(sku)) => Err(sku.refusal("left out where the path has {sku}")),
            (false, None) => Err(place.refusal("a pattern with {sku}, or with a sku beside it")),
            (_, sku) => Ok(Self { path, sku: sku.map(read_text).transpose()? }),
        }
    }
}

impl Card {
    fn read(card: Value) -> Result<Self, Error> {
        let mut fields = card.fields(&["selector", "sku"])?;
        let selector = read_selector(fields.take("selector"))?;
        Ok(Self { selector, sku: fields.take("sku").if_any().map(CardSku::read).transpose()? })
    }
}

impl CardSku {
    fn read(sku: Value) -> Result<Self, Error> {
        let mut fields = sku.fields(&["selector", "attribute", "pattern"])?;
        let pattern = fields.take("pattern").if_any();
        let pattern = pattern.map(|place| {
            let pattern = read_pattern(place.clone())?;
            if pattern.has_sku() { Ok(pattern) } else { Err(place.refusal("a pattern with {sku}")) }
        });
        Ok(Self {
            selector: fields.take("selector").if_any().map(read_selector).transpose()?,
            attribute: read_attribute(fields.take("attribute"))?,
            pattern: pattern.transpose()?,
        })
    }
}

impl Surface {
    const FIELDS: [&str; 9] =
        ["selector", "place", "attributes", "keys", "item_keys", "scale", "role", "required", "paths"];

    fn read(surface: Value) -> Result<Self, Error> {
        let mut fields = surface.fields(&Self::FIELDS)?;
        let place = fields.take("place").if_any();
        let place = place.map_or(Ok(Place::Text), |place| place.one_of(&Place::ALL, Place::name))?;
        let role = fields.take("role").if_any();
        let role = role.map_or(Ok(Role::Price), |role| role.one_of(&Role::ALL, Role::name))?;
        let scale = fields.take("scale").if_any();
        let scale = scale.map_or(Ok(Scale::Major), |scale| {
            scale.one_of(&[Scale::Major, Scale::Minor], |scale| match scale {
                Scale::Major => "major",
                Scale::Minor => "minor",
            })
        })?;
        let required = fields.take("required").if_any();
        let (attributes, keys) = (fields.take("attributes"), fields.take("keys"));
        let needed = |value: &Value, is_needed: bool, why: &str| {
            let is_given = value.clone().if_any().is_some();
            if is_needed && !is_given { Err(value.refusal(why)) } else { Ok(()) }
        };
        needed(&attributes, place == Place::Attribute, "given for the place attribute: names of attributes")?;
        needed(&keys, place == Place::Script, "given for the place script: keys with a price")?;
        Ok(Self {
            selector: read_selector(fields.take("selector"))?,
            place,
            attributes: read_list(attributes, read_attribute)?,
            keys: read_list(keys, read_text)?,
            item_keys: read_list(fields.take("item_keys"), read_text)?,
            scale,
            role,
            is_required: required.map_or(Ok(false), |required| required.truth())?,
            paths: read_list(fields.take("paths"), read_pattern)?,
        })
    }
}
