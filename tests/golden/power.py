"""The numbers in src/power/tests.rs, from scipy's normal distribution and the formulas as they are printed.

Chow, Shao, Wang and Lokhnygina (2018), sections 3.2.1 and 4.2.1, for the size of each group; the total follows from the
shares. Run: python3 tests/golden/power.py (needs scipy).
"""
from scipy.stats import norm


def z2(alpha, power):
    return (norm.ppf(1 - alpha / 2) + norm.ppf(power)) ** 2


def proportions(p0, effect, k, alpha, power):
    """Size of the control group where the arm's is k times that (4.2.1)."""
    p1 = p0 * (1 + effect)
    return z2(alpha, power) * (p1 * (1 - p1) / k + p0 * (1 - p0)) / (p1 - p0) ** 2


def means(sd0, sd1, difference, k, alpha, power):
    """As above, of means (3.2.1)."""
    return z2(alpha, power) * (sd1**2 / k + sd0**2) / difference**2


def value(p, m, c):
    """Mean and standard deviation of a visitor's value, by its two moments."""
    return p * m, (p * m * m * (1 + c * c) - (p * m) ** 2) ** 0.5


print("proportions, halves  ", 2 * proportions(0.03, 0.05, 1, 0.05, 0.8))
print("proportions, 1:3     ", proportions(0.1, 0.2, 1 / 3, 0.05, 0.9) / 0.6)
print("proportions, alpha .1", 4 * proportions(0.02, -0.1, 1, 0.1, 0.8))
m0, s0 = value(0.03, 40.0, 0.8)
m1, s1 = value(0.03 * 1.05, 40.0, 0.8)
print("values               ", 2 * means(s0, s1, m1 - m0, 1, 0.05, 0.8))
