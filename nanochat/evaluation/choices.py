"""Questions with choices, answered by the letter that the model finds likeliest.

The question is asked as in a chat, and where the answer would begin only the letters of its choices compete:
a model that would rather write a sentence is still asked which it holds to be right. So nothing is written,
and one forward pass answers many questions.

Shapes: B batch, L letters.
"""

from __future__ import annotations

from collections.abc import Sequence

from nanochat.data.tasks.task import Example
from nanochat.evaluation.reading import logits_after
from nanochat.model.gpt import GPT
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.tokenizer import Tokenizer


def choose_letters(model: GPT, tokenizer: Tokenizer, examples: Sequence[Example]) -> list[str]:
    """The letter that the model chooses for each example; of equal ones the first.

    Of a question that is longer than the context its end is read, where the choices are.

    >>> from nanochat.data.tasks.choice import choice_example
    >>> from nanochat.model.config import GPTConfig
    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> model = GPT(GPTConfig(n_layer=1, n_embd=32, n_head=1, n_kv_head=1, vocab_size=2_048)).initialize(0)
    >>> example = choice_example("Ice melts at", ["0 °C", "50 °C"], right=0)
    >>> choose_letters(model, sample_tokenizer(), [example])[0] in example.choices
    True
    """
    letters = sorted({letter for example in examples for letter in example.choices})
    prompts = [render_prompt(tokenizer, example.question) for example in examples]
    context = model.config.sequence_len
    logits_BL = logits_after(model, [ids[-context:] for ids in prompts], letter_ids(tokenizer, letters))
    return [
        max(example.choices, key=dict(zip(letters, logits_L, strict=True)).__getitem__)
        for example, logits_L in zip(examples, logits_BL.tolist(), strict=True)
    ]


def letter_ids(tokenizer: Tokenizer, letters: Sequence[str]) -> list[int]:
    """The token that each letter is as a reply. Every single byte has one.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> letter_ids(sample_tokenizer(), ["A", "B"])
    [65, 66]
    """
    found = [tokenizer.encode(letter) for letter in letters]
    for letter, ids in zip(letters, found, strict=True):
        if len(ids) != 1:
            raise ValueError(f"the choice {letter!r} is {len(ids)} tokens; a choice is named by one letter")
    return [ids[0] for ids in found]
