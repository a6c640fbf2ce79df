#!/usr/bin/env python3
"""Reference values of P(best), expected loss, quantiles and distribution functions, by mpmath: another program, with more digits.

    python3 -m venv target/venv && target/venv/bin/pip install mpmath
    target/venv/bin/python tests/golden/reference.py > tests/golden/reference.json     (some minutes)

tests/calibration.rs reads what it writes. Every integral is taken by 12-point Gauss-Legendre panels in a variable in which
the arm's density is smooth: the log-odds of a rate, the logarithm of a product, asinh of a Student variate.
"""
import json
import sys

from mpmath import asinh, betainc, cosh, exp, gammainc, inf, log, log1p, loggamma, mp, mpf, sinh, sqrt
import mpmath

mp.dps = 20
NODES = [(mpf(x), mpf(w)) for x, w in mpmath.calculus.quadrature.GaussLegendre(mp).calc_nodes(3, 80)]  # 12 points


def panels(f, points):
    total = mpf(0)
    for left, right in zip(points, points[1:]):
        middle, half = (left + right) / 2, (right - left) / 2
        total += half * sum(w * f(middle + half * x) for x, w in NODES)
    return total


def span(left, right, count):
    return [left + (right - left) * i / count for i in range(count + 1)]


def gamma_p(a, x):
    """The density of the logarithm, integrated: mpmath's own series does not converge for large a."""
    sd = 1 / sqrt(a)
    low, top = log(a) - 14 * sd - 50 / a, log(x)
    return panels(lambda z: exp(a * z - exp(z) - loggamma(a)), span(low, top, 30)) if top > low else mpf(0)


def ln_beta(a, b):
    return loggamma(a) + loggamma(b) - loggamma(a + b)


class Conversion:
    def __init__(self, a, b, value):
        self.a, self.b, self.value = mpf(a), mpf(b), mpf(value)
        self.ln_b = ln_beta(self.a, self.b)
        mode, sd = log(self.a / self.b), sqrt(1 / self.a + 1 / self.b)
        reach = 60
        self.points = span(mode - min(13 * sd, reach / self.a + 13 * sd), mode + min(13 * sd, reach / self.b + 13 * sd), 20)
        if min(self.a, self.b) < 20:
            low, high = mode - 13 * sd - 45 / self.a, mode + 13 * sd + 45 / self.b
            self.points = span(low, high, 40)
        self.table = None
        if self.a + self.b > 3000:  # the hypergeometric series is slow there: integrate the density panel by panel
            sums = [mpf(0)]
            for l, r in zip(self.points, self.points[1:]):
                sums.append(sums[-1] + panels(self.density, [l, r]))
            self.table = sums

    def density(self, s):
        return exp(-self.a * log1p(exp(-s)) - self.b * log1p(exp(s)) - self.ln_b)

    def at(self, s):
        return self.value / (1 + exp(-s))

    def slope(self, s):
        x = 1 / (1 + exp(-s))
        return self.value * x * (1 - x)

    def cdf(self, v):
        x = v / self.value
        if x <= 0:
            return mpf(0)
        if x >= 1:
            return mpf(1)
        if self.table is None:
            return betainc(self.a, self.b, 0, x, regularized=True)
        s = log(x / (1 - x))
        if s <= self.points[0]:
            return mpf(0)
        if s >= self.points[-1]:
            return mpf(1)
        place = max(i for i, p in enumerate(self.points[:-1]) if p <= s)
        return self.table[place] + panels(self.density, [self.points[place], s])


class ZeroInflated:
    """v = q rate / g with q ~ Beta(a, b) and g ~ Gamma(shape, 1); s = ln v."""

    def __init__(self, a, b, shape, rate):
        self.q = Conversion(a, b, 1)
        self.shape, self.rate = mpf(shape), mpf(rate)
        self.ln_gamma = loggamma(self.shape)
        sd = sqrt(1 / self.q.a + 1 / self.q.b + 1 / self.shape)
        center = log(self.q.a / (self.q.a + self.q.b) * self.rate / self.shape)
        self.points = span(center - 9 * sd - 30 / self.q.a, center + 9 * sd + 30 / self.shape, 12 if self.q.a > 20 else 24)
        sd = 1 / sqrt(self.shape)
        self.inner = span(log(self.shape) - 9 * sd - 40 / self.shape, log(self.shape) + 9 * sd, 7)

    def of_g(self, z):
        return exp(self.shape * z - exp(z) - self.ln_gamma)

    def over_g(self, v, f):
        limit = log(self.rate / v)  # where q would be 1
        points = [p for p in self.inner if p < limit]
        whole = points + [limit] if len(points) < len(self.inner) else points
        return panels(lambda z: self.of_g(z) * f(v * exp(z) / self.rate), whole) if len(whole) > 1 else mpf(0)

    def density(self, s):
        def beta_of_ln(q):
            return exp(self.q.a * log(q) + (self.q.b - 1) * log1p(-q) - self.q.ln_b)
        return self.over_g(exp(s), beta_of_ln)

    def at(self, s):
        return exp(s)

    slope = at

    def cdf(self, v):
        if v <= 0:
            return mpf(0)
        below = self.over_g(v, lambda q: betainc(self.q.a, self.q.b, 0, q, regularized=True))
        return below + gammainc(self.shape, self.rate / v, inf, regularized=True)


class Normal:
    """location + scale sinh(s) with Student's t of 2 shape degrees of freedom."""

    def __init__(self, mean, kappa, shape, rate):
        self.shape, self.location = mpf(shape), mpf(mean)
        self.scale = sqrt(mpf(rate) / (self.shape * mpf(kappa)))
        nu = 2 * self.shape
        self.norm = exp(loggamma((nu + 1) / 2) - loggamma(nu / 2)) / sqrt(nu * mp.pi)
        reach = asinh(sqrt(nu * (exp(40 / (nu + 1) * 2) - 1)))
        self.points = span(-reach, reach, 40)

    def density(self, s):
        nu = 2 * self.shape
        return self.norm * (1 + sinh(s) ** 2 / nu) ** (-(nu + 1) / 2) * cosh(s)

    def at(self, s):
        return self.location + self.scale * sinh(s)

    def slope(self, s):
        return self.scale * cosh(s)

    def cdf(self, v):
        nu = 2 * self.shape
        t = (v - self.location) / self.scale
        if nu > 2000:
            s = asinh(abs(t))
            tail = panels(self.density, span(s, self.points[-1], 20)) if s < self.points[-1] else mpf(0)
            return tail if t < 0 else 1 - tail
        tail = betainc(self.shape, mpf(1) / 2, 0, nu / (nu + t * t), regularized=True) / 2
        return tail if t < 0 else 1 - tail


LAWS = {"conversion": Conversion, "zero_inflated": ZeroInflated, "normal": Normal}


def law(model, parameters):
    return LAWS[model](*parameters)


def split(one, arms):
    """The arm's own panels, cut where another arm's range ends, and finer around another arm that is narrower."""
    points = set(one.points)
    low, high = one.points[0], one.points[-1]
    wanted = []
    for other in arms:
        if other is one:
            continue
        wanted += [other.at(p) for p in other.points[::2]]
        if isinstance(other, Conversion):
            wanted.append(other.value)
    for v in wanted:
        if isinstance(one, Conversion):
            if not 0 < v < one.value:
                continue
            s = log(v / (one.value - v))
        elif isinstance(one, ZeroInflated):
            if v <= 0:
                continue
            s = log(v)
        else:
            s = asinh((v - one.location) / one.scale)
        if low < s < high:
            points.add(s)
    points = sorted(points)
    kept = [points[0]]
    width = (high - low) / 4000
    for p in points[1:]:
        if p - kept[-1] > width / 50:
            kept.append(p)
    return kept


def p_best(arms):
    result = []
    for one in arms:
        def f(s):
            product = one.density(s)
            for other in arms:
                if other is not one and product != 0:
                    product *= other.cdf(one.at(s))
            return product
        result.append(panels(f, split(one, arms)))
    return result


def case(name, arms):
    laws = [law(model, parameters) for model, parameters in arms]
    best = p_best(laws)
    off = abs(sum(best) - 1)
    print(name, mpmath.nstr(best[0], 12), "sum off by", mpmath.nstr(off, 3), file=sys.stderr, flush=True)
    assert off < mpf("1e-7"), name
    return {"name": name, "arms": [[m, list(p)] for m, p in arms], "p_best": [float(x) for x in best]}


def c(*arms):
    return [("conversion", arm) for arm in arms]


CASES = [
    ("two arms, 100 visitors each", c([21, 81, 1], [31, 71, 1])),
    ("two arms with one that earns more by its price", c([21, 81, 2500], [31, 71, 1750])),
    ("three arms", c([21, 81, 1], [31, 71, 1], [26, 76, 1])),
    ("five arms, five prices", c([41, 961, 1900], [52, 950, 1500], [33, 969, 2400], [25, 977, 2900], [61, 941, 1300])),
    ("ten trials beside ten million", c([3, 9, 1900], [2000001, 8000001, 1900])),
    ("ten trials beside ten million, three arms", c([3, 9, 1900], [2000001, 8000001, 1900], [2001001, 7999001, 1899])),
    ("ten arms, one value", c(*[[20 + 3 * k, 181 - k, 100] for k in range(10)])),
    ("ten arms, widths from ten to a million trials", c(*[[0.1 * 10 ** (1 + k / 2) + 1, 0.9 * 10 ** (1 + k / 2) + 1, 1900] for k in range(10)])),
    ("normal, three arms", [("normal", [310.5, 501, 252, 9.1e8]), ("normal", [352.0, 401, 202, 8.2e8]), ("normal", [290.0, 301, 152, 7.7e8])]),
    ("normal with few exposures and losses", [("normal", [-12.5, 3, 2.5, 9e4]), ("normal", [4.0, 2, 2.0, 5e4]), ("normal", [1.0, 9, 5.5, 4e5]), ("normal", [0.0, 1, 1.5, 1e4])]),
    ("normal, ten exposures beside ten million", [("normal", [320.0, 11, 6.5, 2e7]), ("normal", [300.0, 1e7, 5e6, 9e12])]),
    ("normal beside conversion", [("normal", [76.9, 1001, 501.5, 7e7]), ("conversion", [41, 961, 1900]), ("conversion", [3, 40, 1500])]),
    ("zero-inflated, two arms", [("zero_inflated", [41, 961, 43, 103800]), ("zero_inflated", [52, 950, 54, 101000])]),
    ("zero-inflated, few orders, three arms", [("zero_inflated", [1, 1, 3, 3800]), ("zero_inflated", [3, 19, 5, 9100]), ("zero_inflated", [2, 30, 4, 12000])]),
    ("all three models", [("zero_inflated", [41, 961, 43, 103800]), ("normal", [98.0, 1001, 501.5, 7e7]), ("conversion", [45, 957, 2200])]),
]


def distribution(model, parameters, places):
    one = law(model, parameters)
    rows = []
    for v in places:
        rows.append([v, float(one.cdf(mpf(v)))])
    return {"model": model, "parameters": list(parameters), "cdf": rows}


DISTRIBUTIONS = [
    ("conversion", [31, 71, 1900], [300.0, 500.0, 577.4, 700.0, 900.0]),
    ("zero_inflated", [41, 961, 43, 103800], [50.0, 80.0, 100.0, 120.0, 170.0]),
    ("zero_inflated", [1, 1, 3, 3800], [10.0, 300.0, 900.0, 3000.0, 20000.0]),
    ("zero_inflated", [3, 19, 500, 950000], [20.0, 150.0, 250.0, 400.0, 900.0]),
    ("normal", [-12.5, 3, 2.5, 9e4], [-400.0, -100.0, -12.5, 0.0, 60.0, 300.0]),
    ("normal", [300.0, 1e7, 5e6, 9e12], [299.0, 299.9, 300.1, 301.0]),
]

if __name__ == "__main__":
    gammas = [(a, x) for a, x in [(0.3, 0.01), (0.5, 2.0), (1.0, 0.5), (3.0, 9.0), (43.0, 40.0), (1e3, 1050.0), (9e4, 89500.0), (2e5, 200300.0), (1e7, 9997000.0)]]
    parts = {
        "gamma_p": [[a, x, float(gamma_p(mpf(a), mpf(x)))] for a, x in gammas],
        "distributions": [distribution(*d) for d in DISTRIBUTIONS],
        "cases": [case(*one) for one in CASES],
    }
    made_by = "tests/golden/reference.py, mpmath with 20 digits; the sums of P(best) differ from 1 by less than 1e-7"
    lists = [f' "{name}": [\n  ' + ",\n  ".join(map(json.dumps, rows)) + "\n ]" for name, rows in parts.items()]
    print("{\n" + ",\n".join([f' "made_by": {json.dumps(made_by)}', *lists]) + "\n}")
