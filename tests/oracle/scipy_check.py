#!/usr/bin/python3
"""pkg/stats against scipy and scikit-learn on random inputs, some thousand a function.

Run with: tests/oracle/scipy_check.py [CASES [SEED]]. Builds stats_eval.c with $CC in a temporary
folder. Says so and passes nothing where scipy is absent.
"""
import glob
import math
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

try:
    import numpy as np
    from scipy import special, stats
    from sklearn import metrics
except ImportError as missing:
    print(f"{missing}: not checked against scipy\n0 passed, 0 failed")
    sys.exit(0)

ROOT = Path(__file__).resolve().parents[2]
CASES = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
random = np.random.default_rng(int(sys.argv[2]) if len(sys.argv) > 2 else 7)


def build(folder):
    program = os.path.join(folder, "stats_eval")
    sources = [*glob.glob("pkg/stats/*.c", root_dir=ROOT), *glob.glob("pkg/base/*.c", root_dir=ROOT)]
    subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Ipkg",
                    "-o", program, "tests/oracle/stats_eval.c", *sources, "-lcrypto", "-lm"],
                   cwd=ROOT, check=True)
    return program


# ---- random arguments ----

def spread(low, high):
    """Between two bounds, even in the logarithm."""
    return float(np.exp(random.uniform(math.log(low), math.log(high))))


def share():
    return float(random.choice([random.uniform(), spread(1e-9, 0.1), 1 - spread(1e-6, 0.1)]))


def count(most):
    return int(spread(1, most))


def near_mean(n, p):
    """A count within some standard deviations of its mean."""
    k = n * p + random.normal() * 4 * math.sqrt(n * p * (1 - p) + 1)
    return int(min(n, max(0, k)))


def binomial():
    n, p = count(1e6), share()
    return [near_mean(n, p), n, p]


def hypergeometric():
    good, bad = count(3000), count(3000)
    draws = int(random.integers(0, good + bad + 1))
    return [near_mean(draws, good / (good + bad)), good, bad, draws]


def beta():
    a, b = spread(0.05, 1e5), spread(0.05, 1e5)
    mean, sd = a / (a + b), math.sqrt(a * b / (a + b) ** 2 / (a + b + 1))
    return [float(np.clip(mean + 5 * sd * random.normal(), 1e-12, 1 - 1e-12)), a, b]


def gamma():
    a = spread(0.05, 1e5)
    return [max(1e-12, a + 5 * math.sqrt(a) * random.normal()), a]


def listed(*lists):
    return [number for one in lists for number in (len(one), *one)]


def scores():
    n = int(random.integers(5, 80))
    y = random.integers(0, 2, n)
    y[:2] = 0, 1
    return y, np.round(np.clip(random.uniform(size=n) * 0.8 + 0.2 * y * random.uniform(), 0.001, 0.999), 2)


# ---- what scipy says ----

def lnmgf(good, bad, draws, w):
    x = np.arange(max(0, draws - bad), min(good, draws) + 1)
    return special.logsumexp(stats.hypergeom.logpmf(x, good + bad, good, draws) + x * math.log(w))


def mcnemar(b, c):
    exact = stats.binomtest(b, b + c).pvalue
    pmf = stats.binom.pmf(min(b, c), b + c, 0.5)
    return exact, 1 - pmf / 2 if b == c else exact - pmf, stats.binom.sf(c - 1, b + c, 0.5)


def tango(n, b, c, alpha):
    """The score interval by bisection on the numerically maximised likelihood."""
    def z(delta):
        low, high = max(0, -delta), (1 - delta) / 2 if delta > -1 else 1
        for _ in range(100):                    # the derivative of the likelihood in p_b falls
            q = np.float64((low + high) / 2)
            slope = b / q + c / (q + delta) - 2 * (n - b - c) / (1 - 2 * q - delta)
            low, high = (q, high) if slope > 0 else (low, q)
        return (c - b - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))

    def end(bound):
        low, high = -1 + 1e-12, 1 - 1e-12
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if z(middle) > bound else (low, middle)
        return low

    quantile = stats.norm.isf(alpha / 2)
    return end(quantile), end(-quantile)


def samples(_, *numbers):
    n = int(_)
    x, y = numbers[:n], numbers[n + 1:]
    test = stats.ks_2samp(x, y, method="exact")
    return test.statistic, test.pvalue, stats.wasserstein_distance(x, y)


def halves(*numbers):
    n = int(numbers[0])
    return np.array(numbers[1:n + 1]), np.array(numbers[n + 2:])


def homogeneity(*numbers):
    table = np.array(halves(*numbers))
    chi_square, p, df, _ = stats.chi2_contingency(table, correction=False)
    return chi_square, p, df, math.sqrt(chi_square / table.sum())


def divergences(*numbers):
    p, q = halves(*numbers)
    middle = (p + q) / 2
    return (stats.entropy(p, q), (stats.entropy(p, middle) + stats.entropy(q, middle)) / 2,
            math.sqrt(max(0, 1 - np.sqrt(p * q).sum())))


def adjust(kind, _, *p):
    n, p = len(p), np.array(p)
    order = np.argsort(p)
    rank = np.arange(1, n + 1)
    scale = [n + 0 * rank, n - rank + 1, n / rank, n / rank * (1 / rank).sum()][int(kind)]
    raised = p[order] * scale
    kept = (np.maximum.accumulate(raised) if kind < 2 else np.minimum.accumulate(raised[::-1])[::-1])
    result = np.empty(n)
    result[order] = np.minimum(1, kept)
    return result


def classes(_, *numbers):
    t, p = halves(*numbers)
    return (metrics.accuracy_score(t, p), metrics.balanced_accuracy_score(t, p),
            metrics.f1_score(t, p, average="macro", zero_division=0),
            metrics.matthews_corrcoef(t, p), metrics.cohen_kappa_score(t, p))


def score_metrics(*numbers):
    y, s = halves(*numbers)
    return (metrics.roc_auc_score(y, s), metrics.average_precision_score(y, s),
            metrics.brier_score_loss(y, s), metrics.log_loss(y, s))


def number_metrics(q, *numbers):
    t, p = halves(*numbers)
    return (metrics.mean_absolute_error(t, p), metrics.mean_squared_error(t, p) ** 0.5,
            metrics.mean_absolute_percentage_error(t, p), metrics.r2_score(t, p),
            metrics.mean_pinball_loss(t, p, alpha=q))


GRIDS = [lambda m: [r for r in (1.25, 1.5, 2, 3, 5, 10, 30, 100) if r > m],
         lambda m: [m * f for f in (.9, .75, .6, .5, .33, .2)],
         lambda m: [r for r in (1.1, 1.25, 1.5, 2, 3, 5, 10) if r > m]]


def ratio(kind, null, phi, exact, _, *ticks):
    grid = np.array(GRIDS[int(kind)](null))
    ln = np.zeros(len(grid))
    for n_c, x_c, n_s, x_s in np.array(ticks).reshape(-1, 4):
        rho, bad = n_c / (n_c + n_s), x_c + x_s
        ln += x_c * np.log(grid / null) / phi
        if exact:
            norm = [lnmgf(int(n_c), int(n_s), int(bad), r) for r in (*grid, null)]
            ln -= (np.array(norm[:-1]) - norm[-1]) / phi
        else:
            ln -= bad * np.log((1 - rho + rho * grid) / (1 - rho + rho * null)) / phi
    return [special.logsumexp(ln) - math.log(len(grid))]


def ratio_arguments():
    ticks = []
    for _ in range(random.integers(1, 5)):
        for n in (int(random.integers(1, 80)), int(random.integers(1, 300))):
            ticks += [n, int(random.binomial(n, 0.1))]
    return [int(random.integers(0, 3)), float(random.choice([1, 1.5, 2.5])),
            float(random.choice([1, 1.7])), int(random.integers(0, 2)), *listed(ticks)]


def share_sequence(x, n, alpha):
    def outside(p):
        ln = special.betaln(x + .5, n - x + .5) - math.log(math.pi)
        return ln - special.xlogy(x, p) - special.xlog1py(n - x, -p) >= -math.log(alpha)

    def end(inside, out):
        for _ in range(80):
            middle = (inside + out) / 2
            inside, out = (inside, middle) if outside(middle) else (middle, out)
        return out
    return 0 if x == 0 else end(x / n, 0), 1 if x == n else end(x / n, 1)


def bernstein(alpha, _, *values):
    mean, squares, total = 0.5, 0.25, 0.5
    weights = weighted = penalties = 0
    for t, x in enumerate(values, 1):
        bet = min(math.sqrt(2 * math.log(2 / alpha) / (squares / t * t * math.log1p(t))), 0.5)
        weights, weighted = weights + bet, weighted + bet * x
        penalties += 4 * (x - mean) ** 2 * (-math.log1p(-bet) - bet) / 4
        total += x
        mean = total / (t + 1)
        squares += (x - mean) ** 2
    radius = (math.log(2 / alpha) + penalties) / weights
    return max(0, weighted / weights - radius), min(1, weighted / weights + radius)


# ---- the table: name, arguments, expected, relative and absolute tolerance, share of the cases ----

def one(function):
    return lambda *arguments: [function(*arguments)]


def pairs():
    n = count(2000)
    b = int(random.integers(0, n + 1))
    return [n, b, int(random.integers(0, n - b + 1)), 0.05]


CHECKS = [
    ("normal_quantile", lambda: [share()], one(special.ndtri), 1e-9, 1e-12, 1),
    ("normal_sf", lambda: [random.normal() * 8], one(stats.norm.sf), 1e-11, 0, 1),
    ("kolmogorov_sf", lambda: [spread(0.1, 8)], one(special.kolmogorov), 1e-11, 1e-15, 1),
    ("lnbeta", lambda: [spread(1e-3, 1e6), spread(1e-3, 1e6)], one(special.betaln), 1e-10, 1e-8, 1),
    ("gamma_cdf", gamma, one(lambda x, a: special.gammainc(a, x)), 1e-9, 1e-300, 1),
    ("gamma_sf", gamma, one(lambda x, a: special.gammaincc(a, x)), 1e-9, 1e-300, 1),
    ("chi_square_quantile", lambda: [share(), spread(0.5, 1e4)], one(stats.chi2.ppf), 1e-8, 1e-300, 1),
    ("student_sf", lambda: [random.normal() * 10, spread(0.5, 1e4)], one(stats.t.sf), 1e-8, 0, 1),
    ("student_quantile", lambda: [share(), spread(1, 1e4)], one(stats.t.ppf), 1e-7, 1e-9, 1),
    ("beta_cdf", beta, one(lambda x, a, b: special.betainc(a, b, x)), 1e-8, 1e-15, 1),
    ("beta_sf", beta, one(lambda x, a, b: stats.beta.sf(x, a, b)), 1e-8, 1e-13, 1),
    ("beta_lncdf", beta, one(lambda x, a, b: np.log(special.betainc(a, b, x))), 1e-8, 1e-8, 1),
    ("beta_quantile", lambda: [share(), spread(0.5, 1e4), spread(0.5, 1e4)],
     one(lambda p, a, b: special.btdtri(a, b, p)), 1e-6, 1e-12, 1),
    ("binomial_lnpmf", binomial, one(stats.binom.logpmf), 1e-8, 1e-7, 1),
    ("binomial_cdf", binomial, one(stats.binom.cdf), 1e-8, 1e-15, 1),
    ("binomial_sf", binomial, one(lambda k, n, p: stats.binom.sf(k - 1, n, p)), 1e-8, 1e-15, 1),
    ("hypergeometric_lnpmf", hypergeometric,
     one(lambda x, g, b, d: stats.hypergeom.logpmf(x, g + b, g, d)), 1e-9, 1e-8, 1),
    ("hypergeometric_cdf", hypergeometric,
     one(lambda x, g, b, d: stats.hypergeom.cdf(x, g + b, g, d)), 1e-8, 1e-13, 1),
    ("hypergeometric_sf", hypergeometric,
     one(lambda x, g, b, d: stats.hypergeom.sf(x - 1, g + b, g, d)), 1e-8, 1e-13, 1),
    ("hypergeometric_lnmgf", lambda: [*hypergeometric()[1:], spread(0.1, 30)], one(lnmgf), 1e-9, 1e-8, 1),
    ("fisher_exact", lambda: [int(v) for v in random.integers(0, 60, 4)],
     one(lambda a, b, c, d: stats.fisher_exact([[a, b], [c, d]])[1]), 1e-8, 1e-14, 1),
    ("proportion_wilson", lambda: (lambda n: [int(random.integers(0, n + 1)), n, 0.05])(count(1e5)),
     lambda x, n, a: stats.binomtest(x, n).proportion_ci(1 - a, "wilson"), 1e-9, 1e-12, 1),
    ("proportion_exact", lambda: (lambda n: [int(random.integers(0, n + 1)), n, 0.05])(count(1e4)),
     lambda x, n, a: stats.binomtest(x, n).proportion_ci(1 - a, "exact"), 1e-8, 1e-10, .25),
    ("mcnemar", lambda: [int(v) for v in random.integers(0, 200, 2)], mcnemar, 1e-8, 1e-14, 1),
    ("tango_interval", pairs, tango, 1e-5, 1e-6, .05),
    ("samples", lambda: listed(random.normal(size=random.integers(1, 40)),
                               random.normal(size=random.integers(1, 40)) + random.uniform(-1, 1)),
     samples, 1e-8, 1e-12, .5),
    ("homogeneity", lambda: (lambda k: listed(random.integers(1, 90, k), random.integers(1, 90, k)))(
        int(random.integers(2, 9))), homogeneity, 1e-8, 1e-13, 1),
    ("divergences", lambda: (lambda k: listed(random.dirichlet([1] * k), random.dirichlet([1] * k)))(
        int(random.integers(2, 20))), divergences, 1e-7, 1e-10, 1),
    ("adjust", lambda: [int(random.integers(0, 4)),
                        *listed(np.round(random.uniform(size=random.integers(1, 30)) ** 3, 3))],
     adjust, 1e-9, 1e-12, 1),
    ("classes", lambda: (lambda k, n: [k, *listed(random.integers(0, k, n), random.integers(0, k, n))])(
        int(random.integers(2, 6)), int(random.integers(20, 90))), classes, 1e-9, 1e-12, .25),
    ("scores", lambda: listed(*scores()), score_metrics, 1e-9, 1e-12, .25),
    ("numbers", lambda: (lambda n: [random.uniform(.05, .95), *listed(random.normal(size=n) * 9,
                                                                     random.normal(size=n) * 9)])(
        int(random.integers(2, 60))), number_metrics, 1e-9, 1e-12, .25),
    ("ratio", ratio_arguments, ratio, 1e-9, 1e-9, .25),
    ("share_sequence", lambda: (lambda n: [int(random.integers(0, n + 1)), n, 0.01])(count(1e5)),
     share_sequence, 1e-7, 1e-10, .25),
    ("bernstein", lambda: [0.05, *listed(random.beta(2, 5, random.integers(1, 300)))],
     bernstein, 1e-9, 1e-12, .25),
]


def agree(actual, expected, relative, absolute):
    if expected == -math.inf:                   # a logarithm of what scipy rounds to 0
        return actual < -650
    if math.isnan(expected) or math.isinf(expected):
        return str(actual) == str(float(expected))
    return abs(actual - expected) <= relative * abs(expected) + absolute


def check(program, name, arguments, expected, relative, absolute, part):
    cases = [arguments() for _ in range(max(20, int(CASES * part)))]
    lines = "".join(f"{name} {' '.join(repr(float(v)) for v in case)}\n" for case in cases)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    answers = done.stdout.splitlines()
    for case, answer in zip(cases, answers, strict=True):
        actual, wanted = [float(v) for v in answer.split()], [float(v) for v in expected(*case)]
        if len(actual) != len(wanted) or not all(
                agree(a, w, relative, absolute) for a, w in zip(actual, wanted)):
            print(f"{name} {case}\n  should be {wanted}\n  is        {actual}")
            return False
    print(f"{name}: {len(cases)} cases agree")
    return True


def main():
    with tempfile.TemporaryDirectory(prefix="linnet-scipy-") as folder:
        program = build(folder)
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")    # a class that only one side has
            results = [check(program, *row) for row in CHECKS]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
