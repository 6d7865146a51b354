"""Products of NumPy matrices on as many cores as PyTorch may use in this thread: where `use_one_core` was called, one.

NumPy's own library takes all cores for them and lets those spin for milliseconds afterwards, in wait of more; limiting
it takes an environment variable that must be set before NumPy is imported, which a library cannot ask for.
"""

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

Precision = TypeVar("Precision", bound=np.floating[Any])


def product(left: NDArray[Precision], right: NDArray[Precision]) -> NDArray[Precision]:
    """`left @ right`, both [rows, columns] and of one type."""
    return (torch.from_numpy(left) @ torch.from_numpy(right)).numpy()  # pyright: ignore[reportUnknownMemberType]  (untyped there)
