//! The normal distribution.

use super::{erfc, ln};

/// Distribution function of the standard normal law. Range: `[0, 1]`.
///
/// ```
/// assert!((haggle::math::normal_cdf(1.0) - 0.841_344_746_068_543).abs() < 1e-15);
/// ```
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Coefficients of numerator and denominator, of the lowest power first: near the middle, in the tails, and far out.
const MIDDLE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];
const TAIL: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];
const FAR: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_104,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_94e-15,
    ],
];

/// Quantile of the standard normal distribution: where its distribution function is `p`.
///
/// Range of `p`: `(0, 1)`; at or below 0 the result is -∞, at or above 1 it is ∞. Relative error below 1e-15.
/// Source: Wichura (1988), algorithm AS 241 (PPND16), doi:10.2307/2347330.
///
/// ```
/// assert!((haggle::math::normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-15);
/// ```
pub fn normal_quantile(p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return if p <= 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let from_middle = p - 0.5;
    if from_middle.abs() <= 0.425 {
        return from_middle * ratio(&MIDDLE, 0.180_625 - from_middle * from_middle);
    }
    let r = (-ln(p.min(1.0 - p))).sqrt();
    let size = if r <= 5.0 { ratio(&TAIL, r - 1.6) } else { ratio(&FAR, r - 5.0) };
    if from_middle < 0.0 { -size } else { size }
}

fn ratio(of: &[[f64; 8]; 2], x: f64) -> f64 {
    let [above, below] = of.map(|row| row.iter().rev().fold(0.0, |sum, coefficient| sum * x + coefficient));
    above / below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_function_equals_the_golden_values() {
        // mpmath, 30 digits.
        for (z, p) in [
            (1.959_963_984_540_054, 0.975),
            (1.644_853_626_951_472_2, 0.95),
            (0.0, 0.5),
            (-5.997_807_015_007_687, 1e-9),
        ] {
            assert!((normal_cdf(z) / p - 1.0).abs() < 1e-12, "{z}");
        }
    }

    #[test]
    fn the_quantile_equals_the_golden_values() {
        // mpmath, 40 digits.
        for (p, expected) in [
            (1e-300, -37.047_096_299_361_2),
            (1e-20, -9.262_340_089_798_408),
            (1e-4, -3.719_016_485_455_680_6),
            (0.01, -2.326_347_874_040_841),
            (0.025, -1.959_963_984_540_054_2),
            (0.2, -0.841_621_233_572_914_2),
            (0.42, -0.201_893_479_141_850_9),
            (0.5, 0.0),
            (0.575, 0.189_118_426_272_792_38),
            (0.9, 1.281_551_565_544_600_6),
            (0.975, 1.959_963_984_540_054),
            (0.999_999, 4.753_424_308_817_088),
        ] {
            let error = (normal_quantile(p) - expected).abs();
            assert!(error <= 2e-15 * expected.abs(), "{p}: off by {error:e}");
        }
    }

    #[test]
    fn the_quantile_has_no_end() {
        assert_eq!((normal_quantile(0.0), normal_quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
