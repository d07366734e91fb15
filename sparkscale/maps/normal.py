"""The standard normal distribution in NumPy: its distribution function, and the inverse of that.

Source of the inverse: M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied
Statistics 37 (1988), 477-484, routine PPND16: about 1e-16 relative.
"""

from __future__ import annotations

import math

import numpy as np

from sparkscale.maps.base import Floats

#: The coefficients of numerator and denominator, highest power first: around 1/2, towards the ends, and at the ends.
_CENTER = (
    (
        *(2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4),
        *(1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    ),
    (
        *(5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4),
        *(5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
    ),
)
_OUTER = (
    (
        *(7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0),
        *(3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    ),
    (
        *(1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1),
        *(6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
    ),
)
_END = (
    (
        *(2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2),
        *(2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    ),
    (
        *(2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4),
        *(1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
    ),
)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def share_below(z: Floats) -> Floats:
    """Return the share of a standard normal distribution below ``z``, from 0 to 1, to 1e-15."""
    return np.asarray(_erfc(z / -math.sqrt(2)), dtype=np.float64) / 2


def normal_quantile(p: Floats) -> Floats:
    """Return the number below which the share ``p`` of a standard normal distribution lies, for ``0 < p < 1``."""
    q = p - 0.5
    z = q * _ratio(_CENTER, 0.180625 - q * q)
    outer = np.abs(q) > 0.425  # noqa: PLR2004 - Wichura's bounds, this and the next
    tail = np.sqrt(-np.log(np.where(q[outer] < 0, p[outer], 1 - p[outer])))
    size = np.where(tail <= 5, _ratio(_OUTER, tail - 1.6), _ratio(_END, tail - 5))  # noqa: PLR2004
    z[outer] = np.copysign(size, q[outer])
    return z


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], r: Floats) -> Floats:
    above, below = coefficients
    return np.polyval(above, r) / np.polyval(below, r)
