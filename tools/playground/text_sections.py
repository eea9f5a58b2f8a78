"""The sections about texts: their tokens in colours and in a table, and side by side."""

from __future__ import annotations

from tools.core.report import Bar, Bars, Block, Cell, Code, Column, Row, Rows, Section, Table, Text, Tokens
from tools.playground.views import Encoded, TokenView, spans

# Enough to copy into a program; a longer list is what --json is for.
IDS_TO_COPY = 500
# Tokens shown of each text and tokenizer in a comparison.
BESIDE = 1_000


def text_section(name: str, encoded: Encoded, most: int) -> Section:
    """The text in colours and its counts."""
    blocks: list[Block] = [Rows(_counts(encoded))]
    if encoded.n_tokens:
        blocks.append(Tokens("tokens", spans(encoded.views[:most])))
        blocks += _said_if_cut("tokens in colours", most, encoded.n_tokens, "--colored")
        ids = ", ".join(str(view.token_id) for view in encoded.views[:IDS_TO_COPY])
        more = ", …" if encoded.n_tokens > IDS_TO_COPY else ""
        blocks.append(Code("ids", f"[{ids}{more}]", caption="The ids that the model sees:"))
    title = f"{name[:1].upper()}{name[1:]}: {encoded.n_tokens:,} tokens"
    return Section(title, blocks, icon="🔤", key="text")


def _counts(encoded: Encoded) -> list[Row]:
    n_tokens = encoded.n_tokens
    rows = [
        Row("characters", "Characters", encoded.n_characters),
        Row("bytes", "Bytes in UTF-8", encoded.n_bytes),
        Row("pieces", "Pieces", encoded.n_pieces),
        Row("n_tokens", "Tokens", n_tokens),
        Row("different_tokens", "Different tokens", len(encoded.different)),
    ]
    if n_tokens:
        rows += [
            Row(
                "bytes_per_token", "Bytes per token", encoded.bytes_per_token,
                f"{encoded.bytes_per_token:.2f}",
                formula=f"{encoded.n_bytes:,} bytes / {n_tokens:,} tokens",
            ),
            Row(
                "characters_per_token", "Characters per token", encoded.characters_per_token,
                f"{encoded.characters_per_token:.2f}",
                formula=f"{encoded.n_characters:,} characters / {n_tokens:,} tokens",
            ),
        ]  # fmt: skip
    return rows


def table_section(encoded: Encoded, most: int) -> Section:
    """Every token: its place, text, id, bytes and kind."""
    columns = [
        Column("number", "#", "right"),
        Column("token", "Token"),
        Column("id", "Id", "right"),
        Column("bytes", "Bytes"),
        Column("kind", "Kind"),
    ]
    shown = encoded.views[:most]
    rows = [_row(number, view) for number, view in enumerate(shown, 1)]
    blocks: list[Block] = [Table("tokens", columns, rows)]
    blocks += _said_if_cut("rows", len(shown), encoded.n_tokens, "--rows")
    return Section("Token by token", blocks, icon="🔍", key="table")


def _row(number: int, view: TokenView) -> list[Cell | int | str]:
    return [
        number, Cell(view.text, view.shown), Cell(view.token_id, str(view.token_id)), view.hexadecimal,
        view.kind,
    ]  # fmt: skip


def _said_if_cut(what: str, shown: int, all_of_them: int, flag: str) -> list[Block]:
    if shown >= all_of_them:
        return []
    return [Text(f"Only the first {shown:,} {what} of {all_of_them:,} are shown; {flag} shows more.")]


def comparison_section(texts: dict[str, dict[str, Encoded]], most: int) -> Section:
    """Tokenizers and texts side by side: text name → tokenizer name → encoded."""
    columns = [
        Column("text", "Text"),
        Column("tokenizer", "Tokenizer"),
        Column("vocabulary", "Vocabulary", "right"),
        Column("tokens", "Tokens", "right"),
        Column("bytes_per_token", "Bytes per token", "right"),
        Column("characters_per_token", "Characters per token", "right"),
    ]
    rows: list[list[Cell | int | str]] = []
    bars, beside = [], []
    for text_name, by_tokenizer in texts.items():
        for name, encoded in by_tokenizer.items():
            rows.append([
                text_name, name, encoded.tokenizer.n_vocab, encoded.n_tokens,
                Cell(encoded.bytes_per_token, f"{encoded.bytes_per_token:.2f}"),
                Cell(encoded.characters_per_token, f"{encoded.characters_per_token:.2f}"),
            ])  # fmt: skip
            label = f"{text_name}, {name}"
            bars.append(Bar(label, encoded.n_tokens, f"{encoded.n_tokens:,}"))
            beside.append(Tokens(label, spans(encoded.views[: min(most, BESIDE)]), caption=f"{label}:"))
    counts = Bars("tokens_each", bars, caption="Tokens: fewer means a shorter text for the model")
    return Section("Side by side", [Table("comparison", columns, rows), counts, *beside], icon="⚖️")
