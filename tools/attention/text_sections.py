"""The sections about the text: its tokens, one head's map of it, and where one token looks."""

from __future__ import annotations

from tools.attention.drawing import arcs, short
from tools.attention.measures import entropy
from tools.attention.tokens import kinds, n_bytes, spans, text_of
from tools.attention.trace import PARTS, Trace
from tools.attention.view import View, head_name
from tools.core.report import Bar, Bars, Heatmap, Picture, Row, Rows, Section, Text, Tokens

BARS = 8
WHAT = {"text": "a text", "chat": "a conversation", "repeat": "random tokens that come twice"}


def text_section(view: View) -> Section:
    """The tokens, and whose attention this is."""
    trace = view.trace
    tokens = trace.tokens
    special = sum(token.special for token in tokens)
    parts = sum(kind.startswith(("byte", "part of")) for kind in kinds(tokens))
    model = f"{trace.n_layer} layers of {trace.n_head} heads"
    if trace.n_kv_head < trace.n_head:
        model += f"; {trace.n_head // trace.n_kv_head} heads share one head of keys and values"
    rows = [
        Row("kind", "Read", trace.kind, WHAT[trace.kind]),
        Row("tokens_read", "Tokens", len(tokens), f"{len(tokens)}, {special} of them special"),
        Row("bytes", "Bytes of text", n_bytes(tokens)),
        Row("characters", "Characters", len(text_of(tokens))),
        Row("parts_of_characters", "Parts of characters", parts, f"{parts} tokens"),
        Row("made_by", "Model", made_by(trace)),
        Row("heads", "Heads", trace.n_layer * trace.n_head, model),
        Row("windows", "Windows", ", ".join(map(str, trace.windows)), windows_in_words(trace)),
    ]
    caption = f"Its tokens; the marked one, token {view.token + 1}, has its lines drawn below"
    return Section("Text", [Tokens("tokens", spans(tokens, view.token), caption), Rows(rows)], icon="🔤")


def made_by(trace: Trace) -> str:
    """The run, its stage and its step."""
    said = [str(trace.made_by[key]) for key in ("run", "stage") if key in trace.made_by]
    if isinstance(step := trace.made_by.get("step"), int):
        said.append(f"step {step:,}")
    return ", ".join(said) or "not said"


def windows_in_words(trace: Trace) -> str:
    """How far back the layers see."""
    if trace.short_window is None:
        return f"{trace.windows[0]:,} tokens in every layer"
    by_size: dict[int, list[str]] = {}
    for layer, window in enumerate(trace.windows, 1):
        by_size.setdefault(window, []).append(str(layer))
    return "; ".join(f"{size:,} tokens in layer {', '.join(found)}" for size, found in by_size.items())


def head_section(view: View) -> Section:
    """One head, large."""
    layer, _ = place = view.chosen
    scores = view.scores[place]
    name = head_name(place)
    rows = [
        Row("head", "Head", name, f"{name} (layer.head)"),
        Row("pattern", "Pattern", view.pattern_words(place)),
    ]
    shares = [
        ("previous", "On the token before", scores.previous),
        ("first", "On the first token", scores.first),
        ("itself", "On itself", scores.itself),
        ("same", "On the same token, earlier", scores.same),
        ("induction_random", "Induction, random tokens", view.random_score(place)),
        ("induction_text", "Induction, this text", scores.induction),
        ("inside_window", f"Inside {view.near:,} tokens", scores.near),
    ]
    rows += [
        Row(key, label, value, "not measured" if value is None else f"{value:.2f}")
        for key, label, value in shares
    ]
    alike = 2**scores.entropy
    rows += [
        Row("entropy", "Entropy", scores.entropy, f"{scores.entropy:.2f} bits, as {alike:.1f} tokens alike"),
        Row("distance", "Distance", scores.distance, f"{scores.distance:.1f} tokens back"),
        Row("window", "Its window", view.trace.windows[layer], f"{view.trace.windows[layer]:,} tokens"),
    ]
    blocks: list[Heatmap | Rows | Text] = [heatmap(view)]
    if len(view.shown) < len(view.trace.tokens):
        first, last = view.shown.start + 1, view.shown.stop
        blocks.append(
            Text(f"Tokens {first} to {last} of {len(view.trace.tokens)}; --start and --show choose others.")
        )
    blocks.append(Rows(rows))
    return Section(f"Head {name}", blocks, icon="🔥", key="head")


def heatmap(view: View) -> Heatmap:
    """The chosen head's weights among the map's tokens; later tokens and those outside the window lack."""
    layer, head = view.chosen
    window = view.trace.windows[layer]
    rows = view.trace.weights[layer][head]
    names = [short(view.names[at]) for at in view.shown]
    values = [
        [rows[t][at] / PARTS if at <= t < at + window else None for at in view.shown] for t in view.shown
    ]
    title = (
        f"Head {head_name(view.chosen)}: each row is a token that looks, each column one that is looked at"
    )
    return Heatmap("weights", title, names, names, values, "looks", "is looked at", high=1.0)


def lines_picture(view: View) -> Picture:
    """Lines from the chosen token; of many tokens those that get most."""
    row = view.row(view.chosen, view.token)
    n_shown = view.question.show
    most = sorted(range(len(row)), key=lambda at: -row[at])[:n_shown]
    shown = sorted({*most[: n_shown - 1], view.token}) if view.token not in most else sorted(most)
    title = f"Where token {view.names[view.token]} looks, head {head_name(view.chosen)}"
    return arcs(title, view.names, row, shown)


def token_section(view: View) -> Section:
    """Where one token looks, in the chosen head."""
    row = view.row(view.chosen, view.token)
    order = sorted(range(len(row)), key=lambda at: (-row[at], at))[:BARS]
    bars = [Bar(view.names[at], row[at] / PARTS, f"{row[at] / PARTS:.3f}") for at in order if row[at]]
    others = (PARTS - sum(row[at] for at in order)) / PARTS
    spread = entropy(row)
    rows = [
        Row("token", "Token", view.token + 1, view.names[view.token]),
        Row("others", "All others together", others, f"{others:.3f}"),
        Row(
            "token_entropy",
            "Entropy of this row",
            spread,
            f"{spread:.2f} bits, as {2**spread:.1f} tokens alike",
        ),
    ]
    return Section(
        f"Token {view.token + 1}",
        [
            lines_picture(view),
            Bars("weights", bars, f"Most weight from head {head_name(view.chosen)}"),
            Rows(rows),
        ],
        icon="🏹",
        key="token",
    )
