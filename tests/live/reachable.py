"""What objects hold on to, by attribute: what grows while a run goes on is found here, whoever holds it."""

from __future__ import annotations

import sys
from array import array
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_LEAVES = (str, bytes, int, float, type, FunctionType, BuiltinFunctionType, ModuleType)
_OURS = "capanalyzer"


def entries(roots: Iterable[object]) -> Counter[str]:
    """Entries of all containers reachable from these objects and from the project's modules, by the attribute
    (``Class.attribute``, ``module.name``) through which they are held. An array counts its elements.
    """
    found: Counter[str] = Counter()
    seen: set[int] = set()
    todo = [("", root) for root in roots]
    todo += [
        (f"{name}.{key}", value)
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == _OURS
        for key, value in list(vars(module).items())
        if not key.startswith("__")
    ]
    kept = []  # an identity is an object's as long as that lives
    while todo:
        path, value = todo.pop()
        if id(value) in seen or isinstance(value, _LEAVES):
            continue
        seen.add(id(value))
        kept.append(value)
        if isinstance(value, np.ndarray):
            found[path] += value.size if value.base is None else 0
        elif isinstance(value, (dict, list, tuple, set, frozenset, deque, array, bytearray)):
            found[path] += len(value)
            todo += [(path, inner) for inner in _inside(value)]
        if isinstance(value, MethodType):
            todo.append((path, value.__self__))
        if type(value).__module__.split(".")[0] == _OURS:
            todo += [(f"{type(value).__name__}.{name}", inner) for name, inner in _attributes(value)]
    return found


def _inside(value: Any) -> list[object]:
    if isinstance(value, Mapping):
        return [*value, *value.values()]
    return [] if isinstance(value, (array, bytearray)) else list(value)


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    yield from getattr(value, "__dict__", {}).items()
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(type(value), name):
                try:
                    yield name, object.__getattribute__(value, name)
                except AttributeError:
                    continue
