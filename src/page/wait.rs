//! What waits: surfaces for their ends, cards for their items, forms for their prices; and for how long.

use super::complete;
use super::open::{What, Whose};
use super::{PageItem, Rewriter};
use crate::site::Role;

/// So many bytes of a page may wait for the end of a text, or for a card's item.
const HELD_MAX: usize = 65_536;
/// So many bytes may wait for the end of a script.
pub(super) const SCRIPT_MAX: usize = 2 << 20;
/// So many bytes may wait for the price of the item of a form.
const FORM_MAX: usize = 262_144;

impl Rewriter<'_> {
    /// Where each thing begins that cannot go out yet, and how many bytes may wait for it.
    fn waits(&self) -> impl Iterator<Item = (usize, usize)> {
        let whose = |owner: usize| self.owners.get(owner).map(|owner| owner.whose);
        let open = self.open.iter().filter_map(move |open| match &open.what {
            What::Text(surface) if surface.is_given_up || whose(surface.owner) == Some(Whose::Nobody) => None,
            What::Text(surface) => Some((surface.from, HELD_MAX)),
            What::Script(surface) => (!surface.is_given_up).then_some((surface.from, SCRIPT_MAX)),
            What::Slot(slot) => (!slot.is_given_up).then_some((slot.from, HELD_MAX)),
            What::Owner | What::Form { .. } => None,
        });
        let deferred = self.owners.iter().flat_map(|owner| owner.deferred.iter());
        let deferred = deferred.map(|surface| (surface.from(), HELD_MAX));
        let forms = self.forms.iter().map(|&(at, _)| (at, FORM_MAX));
        open.chain(deferred).chain(forms)
    }

    /// Where the first byte stands that cannot go out yet.
    pub(super) fn held(&self) -> usize {
        self.waits().map(|(from, _)| from).min().unwrap_or(usize::MAX)
    }

    /// Something begins that may have to wait.
    pub(super) fn expect(&mut self, from: usize) {
        self.due = self.due.min(from.saturating_add(HELD_MAX));
    }

    /// Lets go of what has waited for too many bytes.
    pub(super) fn give_up(&mut self, at: usize) {
        let is_late = |from: usize, most: usize| at.saturating_sub(from) > most;
        let mut late = Vec::new();
        for open in &mut self.open {
            match &mut open.what {
                What::Text(surface) if !surface.is_given_up && is_late(surface.from, HELD_MAX) => {
                    surface.is_given_up = true;
                    if surface.role == Role::Price {
                        late.push((surface.owner, surface.label));
                    }
                }
                What::Script(surface) if !surface.is_given_up && is_late(surface.from, SCRIPT_MAX) => {
                    surface.is_given_up = true;
                    late.push((surface.owner, surface.label));
                }
                What::Slot(slot) if is_late(slot.from, HELD_MAX) => slot.is_given_up = true,
                _ => {}
            }
        }
        for (owner, label) in late {
            let Some(owner) = self.owners.get_mut(owner) else { continue };
            owner.is_late |= owner.whose == Whose::Waiting;
            if let Whose::Item(item) = owner.whose {
                self.mismatch(item, complete::name(self.site, label).into());
            }
        }
        for owner in &mut self.owners {
            if owner.deferred.iter().any(|surface| is_late(surface.from(), HELD_MAX)) {
                owner.is_late = true;
                owner.deferred.clear();
            }
        }
        for (from, item) in std::mem::take(&mut self.forms) {
            let is_priced = |item: &PageItem| item.price.price_minor != item.price.catalogue_minor;
            if !is_late(from, FORM_MAX) {
                self.forms.push((from, item));
            } else if self.items.get(item).is_some_and(is_priced) {
                self.mismatch(item, "form".into());
            }
        }
        self.due = self.waits().map(|(from, most)| from.saturating_add(most)).min().unwrap_or(usize::MAX);
    }

    /// A form has ended: its field goes there once the price is shown.
    pub(super) fn put_field(&mut self, item: usize, at: usize) {
        let Some(state) = self.items.get(item) else { return };
        if state.is_shown() {
            self.flow.field(at, state.sku.clone(), self.site.field().into());
        } else if !state.has_mismatch() {
            self.expect(at);
            self.forms.push((at, item));
        }
    }

    /// The price of an item is shown: so forms before it may have their fields.
    pub(super) fn place_waiting_fields(&mut self, item: usize) {
        for (at, waiting) in std::mem::take(&mut self.forms) {
            match self.items.get(item).filter(|state| waiting == item && state.is_shown()) {
                Some(state) => self.flow.field(at, state.sku.clone(), self.site.field().into()),
                None => self.forms.push((at, waiting)),
            }
        }
    }
}
