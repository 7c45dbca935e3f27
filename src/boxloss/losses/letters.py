"""What the letters in the formulas of `Loss.expression` stand for."""

LETTERS = (
    "e: difference of a coordinate; w, h and W, H: sides of the predicted and of the target box",
    "I, U, C: areas of intersection, union and the smallest enclosing box, "
    "which has the sides c_w, c_h and the diagonal c",
    "rho: distance of the centres, dx and dy along the axes; v = 4 / pi^2 (atan(W / H) - atan(w / h))^2",
    "alpha = v / (1 - I / U + v); P: mean distance of the edges in sides of the target; i_w, i_h: signed sides of I",
)
