"""axe-core, which looks at a page for what keeps people from using it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page

from tests.support import peers

PATH = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")

COLOURS = ("color-contrast", "link-in-text-block")
"""Rules on what another colour scheme changes."""

RUN = """
(rules) => axe.run(document, {
    resultTypes: ["violations"], ...(rules.length ? {runOnly: {type: "rule", values: rules}} : {}),
}).then(({violations}) => violations.flatMap(
    (rule) => rule.nodes.map((node) => [node.impact ?? "", rule.id, String(node.target), node.failureSummary])
))
"""


class Finding(NamedTuple):
    impact: str
    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.impact}: {self.rule} at {self.where}: {' '.join(self.text.split())}"


def script() -> str:
    if not PATH.is_file():
        (pytest.fail if peers.required() else pytest.skip)("axe-core is not installed (npm ci --prefix tests/browser)")
    return PATH.read_text()


def findings(page: Page, rules: Sequence[str] = ()) -> list[Finding]:
    """By these rules, or all, of a page into which `script` was put."""
    found: list[list[Any]] = page.evaluate(RUN, list(rules))
    return [Finding(*each) for each in found]
