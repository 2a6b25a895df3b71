"""Options in the file's own forms: they take the same words, and say the same of wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from weft.model.words import Form, Malformed, closest


class Worded(click.ParamType[str]):
    """A text that `form` reads, kept as it was written."""

    def __init__(self, form: Form, metavar: str) -> None:
        self.form, self.name = form, metavar

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            self.form.read(value)
        except Malformed as wrong:
            self.fail(str(wrong), param, ctx)
        return str(value).strip()


class Pair(click.ParamType[tuple[str, tuple[str, ...]]]):
    """`KEY=VALUE[,VALUE...]`, by the form of each key. `single`: keys of one value."""

    name = "KEY=VALUE"

    def __init__(self, forms: Mapping[str, Form], single: frozenset[str]) -> None:
        self._forms, self._single = forms, single

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, tuple[str, ...]]:
        if isinstance(value, tuple):
            return value
        key, equals, written = str(value).partition("=")
        form = self._forms.get(key)
        if form is None or not equals:
            meant = closest(key, tuple(self._forms))
            known = f"did you mean {meant}=?" if meant and form is None else f"one of {', '.join(self._forms)}"
            self.fail(f"{value!r} is not KEY=VALUE with a key that is known; {known}", param, ctx)
        values = tuple(part.strip() for part in written.split(","))
        if key in self._single and len(values) > 1:
            self.fail(f"a packet has one {key}; a class for each, or several matches in the file", param, ctx)
        for part in values:
            try:
                form.read(part)
            except Malformed as wrong:
                self.fail(f"{key}: {wrong}", param, ctx)
        return key, values
