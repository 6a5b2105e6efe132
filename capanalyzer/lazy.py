"""A field that is worked out when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["lazy"]

Owner = TypeVar("Owner")
Value = TypeVar("Value")


class lazy(Generic[Owner, Value]):  # noqa: N801 - a decorator, like property
    """Like functools.cached_property, whose lock costs more than most of these fields (Python 3.11)."""

    def __init__(self, read: Callable[[Owner], Value]) -> None:
        self._read = read
        self._name = read.__name__
        self.__doc__ = read.__doc__

    @overload
    def __get__(self, owner: None, kind: type[Any]) -> lazy[Owner, Value]: ...

    @overload
    def __get__(self, owner: Owner, kind: type[Any]) -> Value: ...

    def __get__(self, owner: Owner | None, kind: type[Any]) -> lazy[Owner, Value] | Value:
        if owner is None:
            return self
        value = self._read(owner)
        # No __set__: from now on the instance's own attribute is found first.
        owner.__dict__[self._name] = value
        return value
