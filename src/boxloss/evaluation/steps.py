"""The steps of COCO's evaluation as plain loops over numbers: compiled by Numba, or run as they stand on few boxes.

Detections are in the order in which COCO's evaluation looks at them: by category, falling score, image and place in
their file. So one pass over the detections of a category matches them, since matches in one image have nothing to do
with those in another, and one pass counts them.

What a detection is at each IoU threshold is a bit of two integers: `right` if it took an annotation, `ignored` if it
counts neither as right nor as wrong. What is wrong has neither bit.
"""

import numpy as np
from numpy.typing import NDArray

from boxloss.coco.matching import HIGHEST_THRESHOLD

Longs = NDArray[np.int64]
Shorts = NDArray[np.int32]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

MAX_THRESHOLDS = 62  # bits of an integer with a sign, without overflow in 1 << T
EPS = 2.220446049250313e-16  # added to the denominator of a precision, as COCO's evaluation does


def match(
    start: Longs,
    image: Shorts,
    box: Floats,
    truth_start: Longs,
    truth_image: Shorts,
    truth_box: Floats,
    truth_crowd: Flags,
    truth_ignored: Flags,
    thresholds: Floats,
    areas: Floats,
    most: int,
    near_start: Longs,
    near_truth: Longs,
    near_iou: Floats,
    first_category: int,
    last_category: int,
    first: Longs,
    turns: Longs,
    near: Longs,
    ious: Floats,
    taken: Longs,
    turn: Shorts,
    right: Longs,
    ignored: Longs,
) -> None:
    """Match the detections of some categories, at every threshold and for every range of areas.

    Parameters
    ----------
    start, image, box
        Of detections: where each category begins, shape (K + 1,); the number of the image, (N,); [x, y, w, h], (N, 4),
        or (cx, cy, w, h, angle), (N, 5).
    truth_start, truth_image, truth_box, truth_crowd, truth_ignored
        The same of annotations, by category and image; whether each is a crowd, (G,); and whether it is ignored for
        each range of areas, (A, G).
    thresholds, areas
        Shapes (T,) and (A, 2).
    most
        So many detections of an image and category are looked at.
    near_start, near_truth, near_iou
        For each detection the annotations near it and their IoUs, where these are known; see
        `boxloss.evaluation.overlaps`.
    first_category, last_category
        The categories to match, the last one excluded.
    first, turns, near, ious
        To work with: shapes (images,) and (G,), two of each; zeros, but for `near` and `ious`.
    taken
        Zeros of shape (A, G), to work with, of all categories.
    turn, right, ignored
        Output: how many detections of its image and category go before each, (N,); the bits, (A, N) each.
    """
    T, A = thresholds.size, areas.shape[0]
    everything = (1 << T) - 1
    lowest = HIGHEST_THRESHOLD
    for t in range(T):
        lowest = min(lowest, thresholds[t])
    for k in range(first_category, last_category):
        begin, last = truth_start[k], truth_start[k + 1]
        for g in range(last - 1, begin - 1, -1):
            first[truth_image[g]] = g
        for d in range(start[k], start[k + 1]):
            i = image[d]
            turn[d] = turns[i]
            turns[i] += 1
            if turn[d] >= most:
                continue
            x, y, w, h = box[d, 0], box[d, 1], box[d, 2], box[d, 3]
            area = w * h
            count = 0
            if near_start.size:
                for c in range(near_start[d], near_start[d + 1]):
                    near[count], ious[count] = near_truth[c], near_iou[c]
                    count += 1
            # Of a category before, or 0, if this one has no annotation in the image.
            g = -1 if near_start.size else first[i]
            # In the very operations of COCO's evaluation and in their order, or thresholds and ties would come out
            # otherwise; NaN, of boxes whose area overflows, reaches no threshold.
            while begin <= g < last and truth_image[g] == i:
                tx, ty, tw, th = truth_box[g, 0], truth_box[g, 1], truth_box[g, 2], truth_box[g, 3]
                iou = 0.0
                overlap_w = min(w + x, tw + tx) - max(x, tx)
                overlap_h = min(h + y, th + ty) - max(y, ty)
                if overlap_w > 0.0 and overlap_h > 0.0:
                    intersection = overlap_w * overlap_h
                    iou = intersection / (area if truth_crowd[g] else area + tw * th - intersection)
                if iou >= lowest:
                    near[count], ious[count] = g, iou
                    count += 1
                g += 1
            reached = 0  # bits of the thresholds that the best of the annotations near it reaches
            if count:
                highest = 0.0
                for c in range(count):
                    highest = max(highest, ious[c])
                for t in range(T):
                    if highest >= min(thresholds[t], HIGHEST_THRESHOLD):
                        reached |= 1 << t
            for a in range(A):
                took, excused = 0, 0
                if count == 1:  # nearly always, if any is near: all thresholds at once; a crowd is always ignored
                    g = near[0]
                    free = reached if truth_crowd[g] else reached & ~taken[a, g]
                    taken[a, g] |= free
                    took, excused = (0, free) if truth_ignored[a, g] else (free, 0)
                elif count:
                    for t in range(T):
                        bit = 1 << t
                        if not reached & bit:
                            continue
                        best, chosen = min(thresholds[t], HIGHEST_THRESHOLD), -1
                        for c in range(count):
                            g = near[c]
                            if ious[c] >= best and not truth_ignored[a, g] and not taken[a, g] & bit:
                                best, chosen = ious[c], g
                        if chosen < 0:
                            for c in range(count):
                                g = near[c]
                                is_free = truth_crowd[g] or not taken[a, g] & bit
                                if ious[c] >= best and truth_ignored[a, g] and is_free:
                                    best, chosen = ious[c], g
                            if chosen >= 0:
                                excused |= bit
                        else:
                            took |= bit
                        if chosen >= 0:
                            taken[a, chosen] |= bit
                if area < areas[a, 0] or area > areas[a, 1]:
                    excused = everything & ~took
                right[a, d], ignored[a, d] = took, excused
        for d in range(start[k], start[k + 1]):
            turns[image[d]] = 0


def accumulate(
    start: Longs,
    score: Floats,
    turn: Shorts,
    right: Longs,
    ignored: Longs,
    truth_start: Longs,
    truth_ignored: Flags,
    recalls: Floats,
    max_detections: Longs,
    first_category: int,
    last_category: int,
    needed: Longs,
    best: Floats,
    scored: Floats,
    found: Longs,
    wrong: Longs,
    unmatched: Longs,
    precision: Floats,
    recall: Floats,
    scores: Floats,
) -> None:
    """Make curves of the marks of some categories.

    Parameters
    ----------
    start, score, turn, right, ignored, truth_start, truth_ignored
        As of `match`, of whose arrays the last two axes are (A, N) and (A, G).
    recalls
        The recalls to give precisions at, (R,), rising from 0.
    max_detections
        So many detections of an image and category count, (M,), rising.
    first_category, last_category
        The categories, the last one excluded.
    needed, best, scored, found, wrong, unmatched
        To work with: shapes (R,), (M, T, 1 + the most annotations of a category) twice, (M, T) twice and (M,).
    precision, recall, scores
        Output: (K, A, M, T, R), (K, A, M, T) and (K, A, M, T, R). What has no annotation is left as it is.
    """
    A, (M, T) = right.shape[0], recall.shape[2:]
    everything = (1 << T) - 1
    for k in range(first_category, last_category):
        for a in range(A):
            annotations = 0
            for g in range(truth_start[k], truth_start[k + 1]):
                annotations += not truth_ignored[a, g]
            if annotations == 0:
                continue
            # How many detections must be right for each recall.
            for r in range(recalls.size):
                n = int(recalls[r] * annotations)
                while n > 0 and (n - 1) / annotations >= recalls[r]:
                    n -= 1
                while n / annotations < recalls[r]:
                    n += 1
                needed[r] = n
            # The best precision from the n-th detection that is right, and its score. Between two of them precisions
            # fall, so no other can be the best.
            for m in range(M):
                unmatched[m] = 0
                for t in range(T):
                    found[m, t], wrong[m, t] = 0, 0
                    for n in range(annotations + 1):
                        best[m, t, n], scored[m, t, n] = 0.0, 0.0
            for d in range(start[k], start[k + 1]):
                if turn[d] >= max_detections[M - 1] or ignored[a, d] == everything:
                    continue
                m0 = 0
                while turn[d] >= max_detections[m0]:
                    m0 += 1
                if right[a, d] == 0 and ignored[a, d] == 0:
                    for m in range(m0, M):
                        unmatched[m] += 1
                    continue
                for t in range(T):
                    if right[a, d] >> t & 1:
                        for m in range(m0, M):
                            found[m, t] += 1
                            n = found[m, t]
                            best[m, t, n] = n / (wrong[m, t] + unmatched[m] + n + EPS)
                            scored[m, t, n] = score[d]
                    elif not ignored[a, d] >> t & 1:
                        for m in range(m0, M):
                            wrong[m, t] += 1
            for m in range(M):
                for t in range(T):
                    n = found[m, t]
                    recall[k, a, m, t] = n / annotations
                    for c in range(n - 1, -1, -1):
                        best[m, t, c] = max(best[m, t, c], best[m, t, c + 1])
                    if start[k] < start[k + 1]:
                        scored[m, t, 0] = score[start[k]]
                    for r in range(needed.size):
                        precision[k, a, m, t, r] = best[m, t, needed[r]]
                        scores[k, a, m, t, r] = scored[m, t, needed[r]]
