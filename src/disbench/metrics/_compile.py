"""Compilation of numerical kernels, cached on disk where that is possible."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Compile a function with Numba; it releases the interpreter lock.

    Numba keeps the machine code beside the source file or, where that is not writable, in the user's cache folder. If
    neither can be written (a read-only installation without a home), each process compiles for itself.
    """

    def decorate(function: Function) -> Function:
        try:
            kernel = njit(cache=True, nogil=True, error_model="numpy", **options)(function)
        except RuntimeError as error:
            if "cannot cache function" not in str(error):
                raise
            kernel = njit(nogil=True, error_model="numpy", **options)(function)
        return kernel  # type: ignore[no-any-return]

    return decorate
