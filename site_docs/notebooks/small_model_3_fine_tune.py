# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Fine-tune it
#
# This notebook goes with [guide 4](../guides/04-training.md) and [guide 7](../guides/07-evaluation.md). You
# take the model of [the first notebook](small_model_1_train.py), which can only continue speeches, and turn
# it into one that answers questions of one kind: which of two numbers is larger. It is the same step, in
# small, that turns a large language model into a chat assistant: *supervised fine-tuning*, SFT for short.
#
# **What you will do:** write conversations; look at the mask that says what is learned; keep questions apart
# for a fair test; train; and count right answers before and after.
#
# **Time:** about 30 minutes. It ran from top to bottom when this page was built. Training takes some ten
# seconds.

# %% [markdown]
# ## 0. Set up

# %%
import base64
import html
import io
import math
import random
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML, display
from safetensors.torch import load_file

import nanochat
from nanochat.evaluation.statistics import wilson_interval
from nanochat.home import base_folder
from nanochat.inference.engine import Engine
from nanochat.inference.request import Request, Sampling
from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.tokenizer.chat import render_conversation, render_prompt
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.train.depth_dial import plan_for
from nanochat.train.optimizer import make_optimizer
from nanochat.train.schedule import Schedule

torch.set_num_threads(1)  # a model this small gains little from more, and one adds in the same order

GREY = "#7f8794"  # readable on light and on dark pages
plt.rcParams.update(
    {
        "figure.figsize": (7, 3.6),
        "font.size": 11,
        "axes.edgecolor": GREY,
        "axes.labelcolor": GREY,
        "axes.titlecolor": GREY,
        "text.color": GREY,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "grid.color": GREY,
        "grid.alpha": 0.25,
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
    }
)


def show(figure, alt):
    """Put a figure on the page; `alt` says in words what it shows."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=130, transparent=True, bbox_inches="tight")
    plt.close(figure)
    data = base64.b64encode(picture.getvalue()).decode()
    display(HTML(f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'))


# %% [markdown]
# ## 1. The model to begin with
#
# The first notebook has kept its weights and its tokenizer. If you have not run it, its cells that make the
# model are run here, which takes some fifteen seconds more.

# %%
KEPT = base_folder() / "notebooks" / "small-model-1"

if not (KEPT / "model.safetensors").exists():
    first = Path(nanochat.__file__).parents[1] / "site_docs" / "notebooks" / "small_model_1_train.py"
    cells = first.read_text(encoding="utf-8").split("# %%")
    making = [cell for cell in cells if cell.startswith(' tags=["model"]')]
    exec("\n".join(cell.partition("\n")[2] for cell in making), {})

tokenizer = FastTokenizer.load(KEPT)
config = GPTConfig.core(
    n_layer=3, n_embd=96, n_head=3, n_kv_head=3, vocab_size=tokenizer.n_vocab, sequence_len=256
)
model = GPT(config)
model.load_state_dict(load_file(KEPT / "model.safetensors"))
print(f"a model with {sum(p.numel() for p in model.parameters()):,} parameters, trained on speeches")

# %% [markdown]
# ## 2. Questions and answers
#
# Two numbers below 100, and the larger one as the answer. There are 9,900 such questions. The model gets
# 2,800 of them to learn from. Another 200 are held out: it never sees them, and is tested on them. Without
# that, it could learn the answers by heart, and you could not tell.

# %%
every = [(a, b) for a in range(100) for b in range(100) if a != b]
picked = random.Random(1).sample(every, 3000)
examples = [(f"Which is larger, {a} or {b}?", str(max(a, b))) for a, b in picked]
test, learnt = examples[:200], examples[200:]

for question, answer in learnt[:3]:
    print(f"{question:28} {answer}")
print(f"{len(learnt):,} to learn, {len(test)} to test; in both:", len(set(test) & set(learnt)))

# %% [markdown]
# ## 3. The mask
#
# A conversation becomes one row of ids with special tokens around each turn ([guide
# 2](../guides/02-tokenization.md#a-chat-as-ids)). With it comes the mask: 1 where the model is to learn to
# write the token, 0 elsewhere. The question is 0. The answer is 1, and so is the end of the answer. Otherwise
# it would never learn to stop.


# %%
def conversation(question, answer):
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


ids, mask = render_conversation(tokenizer, conversation(*learnt[0]))
pieces = [tokenizer.decode([token]) for token in ids]
for learn, piece in zip(mask, pieces, strict=True):
    print(learn, repr(piece))

# %%
figure, axes = plt.subplots(figsize=(8, 1.6))
axes.bar(range(len(ids)), 1, color=["#2f9e6b" if learn else GREY for learn in mask], width=0.92)
for place, learn in enumerate(mask):
    axes.text(place, 0.5, learn, ha="center", va="center", color="white")
shown = [piece.replace(" ", "␣") for piece in pieces]
axes.set_xticks(range(len(ids)), shown, rotation=60, ha="right", fontsize=8)
axes.set_yticks([])
axes.spines[:].set_visible(False)
axes.grid(visible=False)
axes.set_title("Green, with a 1: the model learns to write it")
show(
    figure,
    f"A row of {len(ids)} boxes, one for each token. Only the last {sum(mask)} are green: the answer and the "
    "end of the assistant's turn.",
)

# %% [markdown]
# In the code the mask becomes part of the targets. Where it is 0, the target is -1, and the model's loss
# skips it. Rows have different lengths, so the shorter ones are filled up, and the filling is skipped too.

# %%
rendered = [render_conversation(tokenizer, conversation(*example)) for example in learnt]
length = max(len(ids) for ids, _ in rendered) - 1
inputs = torch.zeros(len(rendered), length, dtype=torch.long)
targets = torch.full((len(rendered), length), -1)
for row, (ids, mask) in enumerate(rendered):
    here = len(ids) - 1
    inputs[row, :here] = torch.tensor(ids[:-1])
    following, learn = torch.tensor(ids[1:]), torch.tensor(mask[1:])
    targets[row, :here] = torch.where(learn == 1, following, -1)

print("inputs ", inputs[0].tolist())
print("targets", targets[0].tolist())
print(f"of {inputs.numel():,} places the model learns from {int((targets >= 0).sum()):,}")

# %% [markdown]
# ## 4. Test it before
#
# The engine of [guide 5](../guides/05-inference.md) writes all answers, at temperature 0: always the
# likeliest token. An answer is right if it is the number and nothing else.


# %%
def answers(questions):
    engine = Engine(model, tokenizer, rows=32, packed=False)
    requests = []
    for question, _ in questions:
        prompt = render_prompt(tokenizer, {"messages": [{"role": "user", "content": question}]})
        requests.append(Request(tuple(prompt), max_tokens=8, sampling=Sampling(temperature=0), seed=0))
    return ["".join(part.text for part in one.parts) for one in engine.generate(requests)]


def grade(questions):
    """How many answers are right, and the answers."""
    written = answers(questions)
    right = sum(mine == answer for mine, (_, answer) in zip(written, questions, strict=True))
    return right, written


right_before, written_before = grade(test)
for (question, answer), mine in list(zip(test, written_before, strict=True))[:4]:
    print(f"{question:28} {mine!r}, should be {answer}")
print(f"\nright: {right_before} of {len(test)}")

# %% [markdown]
# It goes on as if this were a speech. It has never seen a question of this form, and the special tokens of a
# chat are still as they were drawn by chance.
#
# ## 5. Train
#
# The same loop as in the first notebook, with other data. Batches of 32 conversations, 160 steps. Every 20
# steps we let it answer the first 100 test questions.

# %%
STEPS, ROWS = 160, 32
plan = replace(
    plan_for(config),
    tokens=STEPS * ROWS * length,
    batch_tokens=ROWS * length,
    learning_rate_factor=math.sqrt(ROWS * length / 2**19),
)
optimizer = make_optimizer(model, plan)
schedule = Schedule(STEPS, weight_decay=0.0)
chance = torch.Generator().manual_seed(1)
losses, accuracy = [], [(0, grade(test[:100])[0])]

for step in range(STEPS):
    picks = torch.randint(len(inputs), (ROWS,), generator=chance)
    loss = model(inputs[picks], targets[picks]) / (targets[picks] >= 0).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step(schedule.at(step))
    losses.append(loss.item())
    if (step + 1) % 20 == 0:
        accuracy.append((step + 1, grade(test[:100])[0]))

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
left.plot(range(1, STEPS + 1), losses, color="#5b8def", linewidth=1.5)
left.set(xlabel="step", ylabel="nats a token of the answer", title="Loss")
right.plot(*zip(*accuracy, strict=True), "o-", color="#e0703a")
right.axhline(50, color=GREY, linestyle=":", label="one of the two, by chance")
right.set(xlabel="step", ylabel="right of 100", title="Held-out questions", ylim=(-3, 103))
right.legend(loc="lower right", bbox_to_anchor=(1, 0.1))
figure.tight_layout()
show(
    figure,
    f"Left: the loss falls from {losses[0]:.1f} to {losses[-1]:.2f}. Right: right answers among 100 rise "
    f"from {accuracy[0][1]} to {accuracy[-1][1]}.",
)
print("step, right of 100:", accuracy)

# %% [markdown]
# It comes in two parts. First the model learns the *form*: a number, then the end of the turn. Any model with
# the form could reach half of the answers by naming one of the two numbers by chance. Then it learns the
# *task*, and rises above that line.
#
# ## 6. Test it after
#
# All 200 held-out questions. With so few, the share itself is uncertain. The interval says which true shares
# would fit what was counted ([guide 7](../guides/07-evaluation.md)).

# %%
right_after, written_after = grade(test)
low, high = wilson_interval(right_after / len(test), len(test))
print(f"before: {right_before} of {len(test)} right")
print(f"after:  {right_after} of {len(test)} right, {right_after / len(test):.1%}")
print(f"the true share probably lies between {low:.1%} and {high:.1%}")
assert right_after > 0.9 * len(test)

wrong = [one for one in zip(test, written_after, strict=True) if one[1] != one[0][1]]
for (question, answer), mine in wrong[:6]:
    print(f"  wrong: {question:28} {mine!r}, should be {answer}")

# %% [markdown]
# Has it understood numbers? Ask for what it never met: the same number twice, numbers above 99, other words.

# %%
asked = [
    "Which is larger, 50 or 50?",
    "Which is larger, 150 or 99?",
    "Which is smaller, 20 or 80?",
    "Who are you?",
]
for question, mine in zip(asked, answers([(question, "") for question in asked]), strict=True):
    print(f"{question:30} {mine!r}")

# %% [markdown]
# It answers everything in the form it was taught. Fine-tuning on one kind of question makes a model of one
# kind of answer, and much of what it could do before is gone. That is why a chat model is fine-tuned on a
# *mixture* of many kinds of conversations.
#
# ## What you have seen
#
# - Fine-tuning is training, with other data and fewer steps, from weights that are there already.
# - The mask decides what is learned: the answer and its end, not the question.
# - Held-out questions show whether the task was learned or the answers by heart.
# - First comes the form, then the task. A share of right answers has an error bar.
#
# **Go on:** take `GPT(config).initialize(1)` in place of the kept weights: does the training on speeches help
# here at all? Learn from 300 examples only. Ask for the smaller number in half of the questions. Set every
# mask to 1, and see what it writes.
