"""A figure is a number or a table that carries where it comes from, so that whoever doubts it can count again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Cell = str | int | None
"""The type of a cell: a word, a number, or None where nothing can be said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Says which data all figures of a report are made of.

    Attributes:
        node: the gateway's name.
        at: the time of the data, UTC, RFC 3339.
        audit_head: the hash of the newest record of the audit log, "" where there is none.
        version: the product's version.
    """

    node: str
    at: str
    audit_head: str
    version: str

    def to_dict(self) -> dict[str, Any]:
        """Return the basis as every figure carries it."""
        return {"at": self.at, "audit_head": self.audit_head, "product_version": self.version}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Holds a number, or a table.

    Attributes:
        name: the figure's name, which the texts of each language have a title for.
        query: what was counted, over the fields of the inventory.
        value: the number, or a word; None for a table.
        columns: the columns of a table.
        rows: the rows of a table.
        is_public: whether the whole figure may be published.
        private: the columns that may not.
        free: the columns with text that people typed.
    """

    name: str
    query: str
    value: Cell = None
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()
    is_public: bool = True
    private: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()

    def to_dict(self, basis: Basis) -> dict[str, Any]:
        """Return the figure as data.

        Args:
            basis: what the report is made of.
        """
        found: dict[str, Any] = {"name": self.name, "query": self.query, **basis.to_dict()}
        if self.columns:
            return {**found, "columns": list(self.columns), "rows": [list(row) for row in self.rows]}
        return {**found, "value": self.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Holds the figures that answer one question.

    Attributes:
        name: the section's name.
        figures: the figures.
    """

    name: str
    figures: tuple[Figure, ...]

    def figure(self, name: str) -> Figure | None:
        """Return a figure by its name, None where the section has it not."""
        return next((figure for figure in self.figures if figure.name == name), None)


def table(
    name: str,
    query: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    is_public: bool = True,
    private: Iterable[str] = (),
    free: Iterable[str] = (),
) -> Figure:
    """Return a figure that is a table.

    The arguments are the attributes of `Figure`.
    """
    return Figure(
        name=name,
        query=query,
        columns=tuple(columns),
        rows=tuple(tuple(row) for row in rows),
        is_public=is_public,
        private=frozenset(private),
        free=frozenset(free),
    )


def counts(groups: Mapping[str, Sequence[str]], states: Sequence[str]) -> list[list[Cell]]:
    """Return a row for each group: its name, its size, and how many of it are in each state.

    Args:
        groups: the states of the members of each group.
        states: the states that have a column.
    """
    return [[name, len(members), *(members.count(state) for state in states)] for name, members in groups.items()]
