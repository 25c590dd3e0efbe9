"""What stands for "nothing yet" in a stored column: `NO_TIME` for a time, `NO_VALUE` for a code, NaN for a number."""

from typing import Final

import numpy as np

from segmentation.columns.arrays import I64
from segmentation.expressions.values import Values

#: In a stored column of times (µs). Nothing outside of stored columns uses it.
NO_TIME: Final = np.iinfo(np.int64).min
#: In a stored column of codes.
NO_VALUE: Final = -1


def times(values: I64) -> Values:
    """A stored column of times as conditions read it: NULL for `NO_TIME`."""
    return Values.unless(values == NO_TIME, values)
