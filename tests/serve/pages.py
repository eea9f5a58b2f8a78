"""What the tests of the chat page do on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
WITHIN_MS = 20_000  # on a machine that is busy with other tests
PHONE = {"width": 390, "height": 780}
Open = Callable[..., Page]


def ask(page: Page, text: str) -> None:
    page.locator("#question").fill(text)
    page.keyboard.press("Enter")


def answered(page: Page, count: int = 1) -> None:
    """Wait until so many answers have come to their end."""
    expect(page.locator(".answer .actions")).to_have_count(count, timeout=WITHIN_MS)


def bodies(page: Page) -> list[dict[str, Any]]:
    """What the page asks the server from now on."""
    found: list[dict[str, Any]] = []
    page.on("request", lambda one: one.method == "POST" and found.append(json.loads(one.post_data or "")))
    return found


def violations(page: Page) -> list[str]:
    """What axe-core finds, one line each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run().then((result) => result.violations)")
    return [
        f"{one['id']}: {node['html'][:150]} {node['failureSummary'][:250]}"
        for one in found
        for node in one["nodes"]
    ]
