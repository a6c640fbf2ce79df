//! Who comes to which side: by the rank of a seeded hash, within price bands.

use std::collections::BTreeMap;

/// A side of the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Positive,
    Negative,
}

/// Items that come to the same side: a family, or a single item.
#[derive(Debug)]
pub(super) struct Cluster<'a> {
    name: &'a str,
    rank: [u8; 16],
    skus: Vec<&'a str>,
    price_sum: i128,
}

impl<'a> Cluster<'a> {
    pub fn new(name: &'a str, rank: [u8; 16]) -> Self {
        Self { name, rank, skus: Vec::new(), price_sum: 0 }
    }

    pub fn add(&mut self, sku: &'a str, price_minor: i64) {
        self.skus.push(sku);
        self.price_sum += i128::from(price_minor);
    }

    fn size(&self) -> usize {
        self.skus.len()
    }

    /// Orders by mean price, exactly, and by name where that is the same.
    fn by_price(&self, other: &Self) -> std::cmp::Ordering {
        let size = |cluster: &Self| i128::try_from(cluster.size()).unwrap_or(i128::MAX);
        let prices = (self.price_sum * size(other)).cmp(&(other.price_sum * size(self)));
        prices.then_with(|| self.name.cmp(other.name))
    }
}

/// The side of each item that is drawn: so many positive ones of lowest rank, then so many negative ones.
///
/// The clusters are parted into bands of price with as many items in each as there can be, and each side takes from every
/// band its share of the items there. A cluster comes to one side as a whole, so a side may get up to one family more
/// than it was to have; the next band then gives less.
pub(super) fn split(
    mut clusters: Vec<Cluster<'_>>,
    positive: usize,
    negative: usize,
    strata: usize,
) -> BTreeMap<String, Side> {
    clusters.sort_by(Cluster::by_price);
    let mut bands = bands(clusters, strata);
    for band in &mut bands {
        band.sort_by(|one, other| one.rank.cmp(&other.rank).then_with(|| one.name.cmp(other.name)));
    }
    let mut sides = BTreeMap::new();
    for (side, wanted) in [(Side::Positive, positive), (Side::Negative, negative)] {
        let mut left: Vec<Vec<Cluster<'_>>> = Vec::with_capacity(bands.len());
        let sizes: Vec<usize> = bands.iter().map(|band| band.iter().map(Cluster::size).sum()).collect();
        let (mut taken, mut goal) = (0, 0);
        for (band, quota) in bands.into_iter().zip(quotas(&sizes, wanted)) {
            goal += quota;
            let mut rest = Vec::new();
            for cluster in band {
                if taken < goal {
                    taken += cluster.size();
                    sides.extend(cluster.skus.iter().map(|&sku| (sku.to_owned(), side)));
                } else {
                    rest.push(cluster);
                }
            }
            left.push(rest);
        }
        bands = left;
    }
    sides
}

/// Clusters in the order of their prices, parted where the next band's part of all items begins.
fn bands(clusters: Vec<Cluster<'_>>, strata: usize) -> Vec<Vec<Cluster<'_>>> {
    let total: usize = clusters.iter().map(Cluster::size).sum();
    let mut bands: Vec<Vec<Cluster<'_>>> = (0..strata).map(|_| Vec::new()).collect();
    let mut before = 0;
    for cluster in clusters {
        let place = before * strata / total.max(1);
        before += cluster.size();
        if let Some(band) = bands.get_mut(place) {
            band.push(cluster);
        }
    }
    bands
}

/// So many items shared out by the sizes of the bands: whole parts first, then one more to the largest remainders, the
/// first band of those that are equal. At most all of a band, and all that there are where more are wanted.
fn quotas(sizes: &[usize], wanted: usize) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    let wanted = wanted.min(total);
    let part = |size: usize| (size as u128 * wanted as u128, total.max(1) as u128);
    let whole = |size: usize| {
        let (product, total) = part(size);
        (product / total) as usize
    };
    let rest = |size: usize| {
        let (product, total) = part(size);
        product % total
    };
    let mut quotas: Vec<usize> = sizes.iter().map(|&size| whole(size)).collect();
    let missing = wanted - quotas.iter().sum::<usize>();
    let mut order: Vec<(usize, u128)> = sizes.iter().map(|&size| rest(size)).enumerate().collect();
    order.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
    for (band, _) in order.into_iter().take(missing) {
        if let Some(quota) = quotas.get_mut(band) {
            *quota += 1;
        }
    }
    quotas
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_go_to_the_largest_remainders() {
        assert_eq!(quotas(&[3, 3], 3), [2, 1]);
        assert_eq!(quotas(&[10, 20, 30], 30), [5, 10, 15]);
        assert_eq!(quotas(&[1, 1, 5], 3), [1, 0, 2]);
        assert_eq!(quotas(&[2, 0], 5), [2, 0]);
        assert_eq!(quotas(&[], 5), [0; 0]);
    }

    proptest! {
        #[test]
        fn sides_have_their_sizes_and_families_are_whole(
            sizes in proptest::collection::vec((1..6_usize, 1..1000_i64, any::<[u8; 16]>()), 1..80),
            positive in 1..60_usize, negative in 0..60_usize, strata in 1..8_usize
        ) {
            let names: Vec<Vec<String>> =
                sizes.iter().enumerate().map(|(i, (size, ..))| (0..*size).map(|j| format!("{i}-{j}")).collect()).collect();
            let clusters: Vec<Cluster<'_>> = sizes.iter().zip(&names).map(|((_, price, rank), skus)| {
                let mut cluster = Cluster::new(&skus[0], *rank);
                skus.iter().for_each(|sku| cluster.add(sku, *price));
                cluster
            }).collect();
            let total: usize = sizes.iter().map(|(size, ..)| size).sum();
            let sides = split(clusters, positive, negative, strata);
            let count = |side| sides.values().filter(|&&other| other == side).count();
            let (drawn, compared) = (count(Side::Positive), count(Side::Negative));
            prop_assert!(drawn >= positive.min(total) && drawn < positive + 6, "{} of {}", drawn, positive);
            prop_assert!(compared >= negative.min(total - drawn) && compared < negative + 6, "{} of {}", compared, negative);
            for skus in &names {
                prop_assert!(skus.iter().all(|sku| sides.get(sku) == sides.get(&skus[0])));
            }
        }
    }
}
