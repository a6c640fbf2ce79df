//! Groups as JSON, in parts: a row of the central store holds some hundreds of items.

use super::{Groups, Member};
use crate::Error;
use crate::json::{Json, Value, parse};

impl Groups {
    /// The members as JSON lists of at most so many each, in the order of their keys; at least one list.
    pub fn write_parts(&self, most: usize) -> Vec<String> {
        if self.members().is_empty() {
            return vec!["[]".into()];
        }
        let list = |members: &[Member]| Json::List(members.iter().map(Member::to_json).collect()).write();
        self.members().chunks(most.max(1)).map(list).collect()
    }

    /// The groups of which these are the parts.
    ///
    /// # Errors
    /// Names the field, what was given and what is allowed.
    pub fn read_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let mut members = Vec::new();
        for part in parts {
            let json = parse(part).map_err(|why| Error::syntax("a list of members in JSON", why))?;
            for member in Value::new("members", json).list()? {
                members.push(Member::read(member)?);
            }
        }
        Ok(Self::new(members))
    }
}

impl Member {
    fn to_json(&self) -> Json {
        let text = |text: &str| Some(Json::text(text));
        let amount = |amount: Option<i64>| amount.map(Json::integer);
        Json::object([
            ("sku", text(&self.sku)),
            ("is_negative", self.is_negative.then_some(Json::Bool(true))),
            ("family", text(&self.family).filter(|_| self.family != self.sku)),
            ("price_minor", amount(Some(self.price_minor))),
            ("cost_minor", amount(self.cost_minor)),
            ("floor_minor", amount(Some(self.floor_minor))),
            ("ceiling_minor", amount(Some(self.ceiling_minor))),
            ("prices", Some(Json::List(self.prices.iter().map(|&price| Json::integer(price)).collect()))),
            ("past", amount(self.past)),
        ])
    }

    fn read(member: Value) -> Result<Self, Error> {
        let mut fields = member.fields(&[
            "sku",
            "is_negative",
            "family",
            "price_minor",
            "cost_minor",
            "floor_minor",
            "ceiling_minor",
            "prices",
            "past",
        ])?;
        let sku = fields.take("sku").text()?;
        let family = fields.take("family").if_any().map_or_else(|| Ok(sku.clone()), Value::text)?;
        let prices = fields.take("prices").list()?;
        let mut amount = |name| fields.take(name).if_any().map(|amount| amount.integer()).transpose();
        let (cost_minor, past) = (amount("cost_minor")?, amount("past")?);
        Ok(Self {
            sku,
            is_negative: fields.take("is_negative").if_any().map_or(Ok(false), |it| it.truth())?,
            family,
            price_minor: fields.take("price_minor").integer()?,
            cost_minor,
            floor_minor: fields.take("floor_minor").integer()?,
            ceiling_minor: fields.take("ceiling_minor").integer()?,
            prices: prices.iter().map(Value::integer).collect::<Result<_, _>>()?,
            past,
        })
    }
}
