"""Medians and quantiles of rounds."""


def quantile(values, q):
    values = sorted(values)
    at = q * (len(values) - 1)
    low = int(at)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (at - low)


def median(values):
    return quantile(values, 0.5)


def digits_of(value):
    return 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4


def shown(values, digits=None):
    """"median (p10-p90)"; of one value, itself."""
    middle = median(values)
    digits = digits_of(middle) if digits is None else digits
    if len(values) == 1:
        return f"{middle:,.{digits}f}"
    return f"{middle:,.{digits}f} ({quantile(values, 0.1):,.{digits}f}-{quantile(values, 0.9):,.{digits}f})"
