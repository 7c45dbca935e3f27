"""One file a loss, with an instance of it at the end; `named` has all of them.

The rules of formula code, which runs on arrays and, compiled, on single numbers:

- functions of `xp` and numbers only; no array library is imported;
- no branch on a number: `xp.where`, with an array in at least one branch; `if` only on a field that is no float;
- `min`, `max` and clamps live in `boxloss.shapes.relations`, which differentiates them;
- every quotient is guarded by a function of `boxloss.shapes.guards`: `inverse`, `inverses`, `share` or `nonzero`.
"""
