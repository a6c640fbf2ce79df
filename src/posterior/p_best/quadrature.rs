//! Gauss-Legendre quadrature with a running integral.

/// Number of nodes in a cell.
pub(in crate::posterior) const NODES: usize = 8;

/// Positive nodes on `[-1, 1]` and their weights; the negative ones mirror them.
/// Source: Abramowitz and Stegun (1964), table 25.4, n = 8.
const HALF: [(f64, f64); NODES / 2] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_27),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// Nodes and weights on `[-1, 1]`.
pub(in crate::posterior) struct Rule {
    /// Nodes, ascending.
    pub nodes: [f64; NODES],
    /// The integral of f over `[-1, 1]` is the sum of weight times f(node).
    pub weights: [f64; NODES],
    /// Row i: weights for the integral of f from -1 to node i, exact where f is a polynomial of degree 7.
    pub partial: [[f64; NODES]; NODES],
}

impl Rule {
    pub(super) fn new() -> Self {
        let (mut nodes, mut weights) = ([0.0; NODES], [0.0; NODES]);
        let mirrored = HALF.iter().rev().map(|(x, w)| (-x, *w)).chain(HALF);
        for ((node, weight), (x, w)) in nodes.iter_mut().zip(&mut weights).zip(mirrored) {
            (*node, *weight) = (x, w);
        }
        // f is replaced by its expansion in Legendre polynomials P_k, and those have known integrals:
        // (2k + 1) ∫ P_k = P_{k+1} - P_{k-1}, which at -1 is 0.
        let partial = nodes.map(|to| {
            let mut row = weights;
            for (entry, at) in row.iter_mut().zip(nodes) {
                let mut sum = to + 1.0;
                let (mut here, mut there) = (Legendre::at(at), Legendre::at(to));
                for _ in 1..NODES {
                    let previous = there.value;
                    here.next();
                    there.next();
                    sum += here.value * (there.following() - previous);
                }
                *entry *= 0.5 * sum;
            }
            row
        });
        Self { nodes, weights, partial }
    }
}

/// Sum of the products of two rows, from left to right.
pub(in crate::posterior) fn dot(weights: &[f64; NODES], values: &[f64; NODES]) -> f64 {
    weights.iter().zip(values).map(|(weight, value)| weight * value).sum()
}

/// The Legendre polynomials at one place, one after the other.
struct Legendre {
    x: f64,
    degree: f64,
    value: f64,
    previous: f64,
}

impl Legendre {
    fn at(x: f64) -> Self {
        Self { x, degree: 0.0, value: 1.0, previous: 0.0 }
    }

    /// The polynomial of the next degree (Bonnet's recursion).
    fn following(&self) -> f64 {
        let k = self.degree;
        ((2.0 * k + 1.0) * self.x * self.value - k * self.previous) / (k + 1.0)
    }

    fn next(&mut self) {
        (self.previous, self.value) = (self.value, self.following());
        self.degree += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::pow;

    #[test]
    fn the_rule_integrates_polynomials_exactly() {
        let rule = Rule::new();
        for degree in 0..16 {
            let whole = dot(&rule.weights, &rule.nodes.map(|x| pow(x, f64::from(degree))));
            let exact = if degree % 2 == 0 { 2.0 / f64::from(degree + 1) } else { 0.0 };
            assert!((whole - exact).abs() < 1e-15, "degree {degree}");
        }
        for degree in 0..8 {
            let antiderivative = |x: f64| pow(x, f64::from(degree + 1)) / f64::from(degree + 1);
            let values = rule.nodes.map(|x| pow(x, f64::from(degree)));
            for (row, to) in rule.partial.iter().zip(rule.nodes) {
                let exact = antiderivative(to) - antiderivative(-1.0);
                assert!((dot(row, &values) - exact).abs() < 1e-15, "degree {degree} to {to}");
            }
        }
    }
}
