"""The ids that a model reads when it is asked: by a checkpoint in a terminal, or by the model of a page."""

from __future__ import annotations

from nanochat.inference.trace import Prompt
from nanochat.serve.conversation import Conversation, TooLong, fit
from nanochat.tokenizer.tokenizer import Tokenizer
from tools.core.errors import UsageError
from tools.core.words import whole_characters


def prompt_of(asked: str, chat: bool, tokenizer: Tokenizer, context: int, max_tokens: int) -> Prompt:
    """The text behind <|bos|>, or the question of a chat with its markers.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> prompt_of("C", False, sample_tokenizer(), context=64, max_tokens=8).ids
    (2039, 67)
    """
    text = whole_characters(asked)
    if chat:
        conversation = Conversation()
        conversation.ask(text)
        try:
            ids, _ = fit(tokenizer, conversation.to_dict(), context, max_tokens)
        except TooLong as error:
            raise UsageError(f"--prompt: {error}", parameter="prompt") from None
        return Prompt(text, True, tuple(ids))
    ids = [tokenizer.special_id("<|bos|>"), *tokenizer.encode(text)]
    if len(ids) >= context:
        raise UsageError(
            f"--prompt: the text has {len(ids):,} tokens; the model reads {context:,} in all, and one must "
            "be left to write",
            parameter="prompt",
        )
    return Prompt(text, False, tuple(ids))
