"""The pages that look inside: what is asked of them, and the parts of the page that answer.

An answer is `parts`, the HTML for each place of the page that changes, and `says`, a line for its status.
What was worked out for a text is kept until another text comes, so choosing another head asks no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tools.attention.live_trace import STEPS, induction_on_random, trace_of_ids
from tools.attention.trace import Repeated
from tools.core.errors import UsageError
from tools.core.progress import Progress
from tools.live.ablation import Loss, alone, chosen_parts
from tools.live.ablation_html import alone_html, loss_html
from tools.live.attention_html import Heads, head_html, maps_html
from tools.live.looking import Reading, layers_say, read, surprises
from tools.live.model import LiveModel
from tools.live.streams_html import cell_html, lens_html, row_name

Asked = Mapping[str, Any]


class LookingPages:
    """The model, and what is known of the text that was read last."""

    def __init__(self, model: LiveModel) -> None:
        self.model = model
        self.repeated: Repeated | None = None
        self.reading: Reading | None = None
        self.heads: Heads | None = None
        self.whole: Loss | None = None
        self.found: dict[str, Loss] = {}  # with one group of parts left out, by its label

    def read(self, asked: Asked) -> Reading:
        """The text of a page; a new one lets go what is known of the old one."""
        text = str(asked.get("text", ""))
        if self.reading is None or self.reading.text != text:
            self.reading, self.heads, self.whole, self.found = read(self.model, text), None, None, {}
        return self.reading

    async def attention(self, asked: Asked) -> dict[str, Any]:
        """All heads, and one of them large: `layer` and `head`, or the one that looks back most."""
        reading = self.read(asked)
        if self.repeated is None:
            with Progress("Reading random tokens", STEPS) as progress:
                self.repeated = await induction_on_random(self.model, 0, progress)
        if self.heads is None:
            trace = await trace_of_ids(self.model, reading.ids)
            self.heads = Heads(replace(trace, repeated=self.repeated))
        place = self.heads.first()
        if "layer" in asked:
            place = int(asked["layer"]), int(asked["head"])
            if place not in self.heads.scores:
                raise UsageError(f"the model has no head {place[0] + 1}.{place[1] + 1}")
        token = len(reading.tokens) - 1
        return {
            "says": f"{len(reading.tokens)} tokens, {len(self.heads.scores)} heads",
            "parts": {"maps": maps_html(self.heads, place), "head": head_html(self.heads, place, token)},
        }

    async def streams(self, asked: Asked) -> dict[str, Any]:
        """The logit lens: a table of all layers and places, and the cell that is chosen at first."""
        reading = self.read(asked)
        rows = await layers_say(self.model, reading)
        where = f"{row_name(len(rows) - 1, self.model.n_layer)}, at the end of the text"
        return {
            "says": f"{len(reading.tokens)} tokens, {len(rows)} rows",
            "parts": {
                "lens": lens_html(self.model, reading, rows),
                "cell": cell_html(self.model, where, rows[-1][-1]),
            },
        }

    async def ablation(self, asked: Asked) -> dict[str, Any]:
        """The loss without the parts `off`, beside that of the whole model."""
        reading = self.read(asked)
        off = chosen_parts(self.model, asked.get("off", ()))
        whole = await self._whole(reading)
        now = whole
        if off:
            keep = self.model.switches.without((part.name, part.place) for part in off)
            now = Loss(await surprises(self.model, reading, keep), reading.n_bytes)
        says = f"{now.per_token:.3f} bits per token, {now.per_token - whole.per_token:+.3f}"
        return {"says": says, "parts": {"loss": loss_html(reading, whole, now, off)}}

    async def alone(self, asked: Asked) -> dict[str, Any]:
        """Leave out the next part that was not yet left out alone; the chart of all so far."""
        reading = self.read(asked)
        whole, groups = await self._whole(reading), alone(self.model)
        every = [group for members in groups.values() for group in members]
        left = [group for group in every if group.label not in self.found]
        if left:
            keep = self.model.switches.without((part.name, part.place) for part in left[0].parts)
            self.found[left[0].label] = Loss(await surprises(self.model, reading, keep), reading.n_bytes)
        return {
            "says": f"{len(self.found)} of {len(every)} parts left out, one at a time",
            "more": len(self.found) < len(every),
            "parts": {"alone": alone_html(reading, groups, whole, self.found)},
        }

    async def _whole(self, reading: Reading) -> Loss:
        if self.whole is None:
            self.whole = Loss(await surprises(self.model, reading), reading.n_bytes)
        return self.whole
