"""The order in which a node considers features, which decides between equal splits: scikit-learn's, number by number.

Imported where trees are fitted, because Numba is slow to load.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from disbench.metrics._compile import compiled

TIE = np.float32(1e-7)
"""Values that are closer are not split, as in scikit-learn."""


@compiled()
def _next(state):
    """Return the next number of a 32-bit xorshift generator (Marsaglia 2003)."""
    mask = np.uint64(0xFFFFFFFF)
    state = state if state else np.uint64(1)
    state ^= (state << np.uint64(13)) & mask
    state ^= state >> np.uint64(17)
    return state ^ ((state << np.uint64(5)) & mask)


@compiled()
def draw_visits(lowest, highest, state, order, constants, num_known, visits):
    """Fill `visits` with the features that vary in a node, in random order.

    Returns how many there are, and how many features are constant in the node. Shapes, of d features: `lowest` (d,) and
    `highest` (d,) are the ends of their values in the node; `state` (1,), of the generator. `order` (d,) and
    `constants` (d,) are carried from node to node of a tree, depth first: the features in the order that earlier draws
    left, and the constant ones, of which the parent node knew `num_known`.
    """
    last, num_drawn, num_found, num_visits = len(order), 0, 0, 0
    while last > num_known + num_found:
        state[0] = _next(state[0])
        room = np.uint64(last - num_found - num_drawn)
        place = num_drawn + np.int64((state[0] & np.uint64(0x7FFFFFFF)) % room)
        if place < num_known:
            order[num_drawn], order[place] = order[place], order[num_drawn]
            num_drawn += 1
            continue
        place += num_found
        feature = order[place]
        if highest[feature] <= lowest[feature] + TIE:
            first = num_known + num_found
            order[place], order[first] = order[first], feature
            num_found += 1
            continue
        last -= 1
        order[place], order[last] = order[last], feature
        visits[num_visits] = feature
        num_visits += 1
    for index in range(num_known):
        order[index] = constants[index]
    for index in range(num_known, num_known + num_found):
        constants[index] = order[index]
    return num_visits, num_known + num_found


@compiled()
def find_ends(order, edges, values, path, mask, code, sums, lowest, highest):
    """Fill the smallest and the largest value (d,) of each feature in a node, given the points in its bins."""
    for feature in range(len(order)):
        points = order[feature]
        place = 0
        while sums[feature, place, 2] == 0:
            place += 1
        place = edges[place]
        while path[points[place]] & mask != code:
            place += 1
        lowest[feature] = values[feature, points[place]]
        place = sums.shape[1] - 1
        while sums[feature, place, 2] == 0:
            place -= 1
        place = edges[place + 1] - 1
        while path[points[place]] & mask != code:
            place -= 1
        highest[feature] = values[feature, points[place]]
