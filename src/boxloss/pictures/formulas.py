"""Formulas as they stand on a page; the command line keeps to ASCII."""

from unicodedata import lookup

GREEK = {name: lookup(f"GREEK SMALL LETTER {name}") for name in ("alpha", "beta", "delta", "gamma", "rho")}
GREEK |= {name: lookup(f"GREEK CAPITAL LETTER {name}") for name in ("Delta", "Omega")}
GREEK |= {"lambda": lookup("GREEK SMALL LETTER LAMDA")}  # as Unicode spells it
SIGNS = GREEK | {"^2": "²", "inf": "∞", "-": lookup("MINUS SIGN")}


def with_signs(text: str) -> str:
    """Write a formula or a range as it stands on a page: Greek letters, squares and a true minus sign."""
    for word, sign in SIGNS.items():
        text = text.replace(word, sign)
    return text
