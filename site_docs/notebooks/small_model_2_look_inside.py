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
# # Look inside attention
#
# This notebook goes with [guide 3](../guides/03-architecture.md). Attention decides, for each token, which
# earlier tokens to look at, and how much. These *weights* are numbers that you can look at. Here you compute
# them from the queries and keys of a trained model, draw them as pictures, check them against the model, find
# out what single heads do, and switch heads off to see what for.
#
# **What you will do:** train a tiny model on a task that needs attention; take queries and keys out of it;
# draw heatmaps; find a head that looks at the token before, heads that look for repetitions, and heads that
# rest on the first token; break the model on purpose.
#
# **Time:** about 30 minutes. It ran from top to bottom when this page was built. Training takes some ten
# seconds.
#
# The model is another one than in [the first notebook](small_model_1_train.py): smaller, and trained on a
# task whose solution can be seen. Text is too rich for that. In a model of text most heads do a little of
# many things.

# %% [markdown]
# ## 0. Set up

# %%
import base64
import copy
import html
import io
import math
import string
from dataclasses import replace

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML, display

from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.model.layers import norm
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
# ## 1. A task that needs attention
#
# Each row is a few different letters, repeated to the end of the row: `kzmkzmkzm…`. The first round cannot be
# guessed. From then on, everything can: find the letter you just read where it stood before, and say what
# came after it. How many letters a round has, differs from row to row, from 4 to 16. So the model cannot
# simply look back a fixed number of places. Token 0, written `.`, begins each row.

# %%
LETTERS = "." + string.ascii_lowercase
LENGTH = 32
chance = torch.Generator().manual_seed(1)


def make_rows(count):
    """Rows of ids, and for each the number of letters in a round."""
    rounds = torch.randint(4, 17, (count,), generator=chance)
    rows = torch.zeros(count, LENGTH + 1, dtype=torch.long)
    for row, n in zip(rows, rounds.tolist(), strict=True):
        letters = torch.randperm(26, generator=chance)[:n] + 1  # no letter twice
        row[1:] = letters.repeat(LENGTH // n + 1)[:LENGTH]
    return rows, rounds


def in_letters(row):
    return "".join(LETTERS[token] for token in row.tolist())


rows, rounds = make_rows(4)
for row, n in zip(rows, rounds.tolist(), strict=True):
    print(f"{in_letters(row)}   a round of {n}")

# %% [markdown]
# ## 2. A model with two layers
#
# Two layers with two heads each, 64 numbers for each token. One layer would not do: you will see why.

# %%
config = GPTConfig.core(n_layer=2, n_embd=64, n_head=2, n_kv_head=2, vocab_size=27, sequence_len=64)
model = GPT(config).initialize(seed=5)

STEPS, ROWS = 250, 64
plan = replace(
    plan_for(config),
    tokens=STEPS * ROWS * LENGTH,
    batch_tokens=ROWS * LENGTH,
    learning_rate_factor=math.sqrt(ROWS * LENGTH / 2**19),
)
optimizer = make_optimizer(model, plan)
schedule = Schedule(STEPS, weight_decay=0.0)

test_rows, test_rounds = make_rows(200)
place = torch.arange(1, LENGTH + 1)
is_repeated = place[None, :] > test_rounds[:, None] + 1  # tokens that can be known


def losses(model):
    """The mean loss where the answer can be known, and where it cannot."""
    nats = model.nats_per_token(test_rows[:, :-1], test_rows[:, 1:])
    return nats[is_repeated].mean().item(), nats[~is_repeated].mean().item()


history = [(0, *losses(model))]
for step in range(STEPS):
    rows, _ = make_rows(ROWS)
    loss = model(rows[:, :-1], rows[:, 1:].contiguous()) / rows[:, 1:].numel()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step(schedule.at(step))
    if (step + 1) % 10 == 0:
        history.append((step + 1, *losses(model)))

# %%
steps, repeated, new = zip(*history, strict=True)
figure, axes = plt.subplots()
axes.plot(steps, new, "--", color=GREY, label="in the first round")
axes.plot(steps, repeated, color="#5b8def", linewidth=2.5, label="where it repeats")
axes.axhline(math.log(26), color=GREY, linestyle=":", linewidth=1, label="a guess among 26 letters")
axes.set(xlabel="step", ylabel="nats a letter", title="It learns to repeat")
axes.legend()
show(
    figure,
    f"The loss in the first round stays near {math.log(26):.1f}. Where letters repeat it falls steeply, to "
    f"{repeated[-1]:.2f}.",
)
print(f"where it repeats: {repeated[0]:.2f} nats before training, {repeated[-1]:.3f} after")

# %% [markdown]
# The loss stands still at first, and then falls within a few dozen steps. Something in the model has clicked
# into place. What?
#
# ## 3. Queries, keys, weights
#
# Take one row. The method `project` of a layer gives its queries, keys and values, turned by their positions
# and normalised: exactly what the model itself compares. From there it is three lines, as in guide 3:
#
# $$
# \text{weights} = \text{softmax}\left(\frac{q \cdot k}{\sqrt{D}}\right)
# $$
#
# In words: *the dot product of a query with each key, over the root of their length, as probabilities.* Later
# tokens are masked first.

# %%
MASK = torch.ones(LENGTH, LENGTH).tril().bool()  # a token sees itself and what came before


@torch.no_grad()
def look_inside(model, ids):
    """The weights of every layer, and what attention adds to the stream, computed by hand."""
    rotary, _ = model.whole_rows(ids, None)
    stream, all_weights, all_added = model.first_vectors(ids), [], []
    for block in model.blocks:
        q, k, v = block.attention.project(norm(stream), rotary)  # each: row, time, head, numbers
        scores = torch.einsum("bthd,bshd->bhts", q, k) / math.sqrt(config.head_dim)
        weights = scores.masked_fill(~MASK, -torch.inf).softmax(dim=-1)
        mixed = torch.einsum("bhts,bshd->bthd", weights, v)
        added = block.attention.output(mixed.flatten(2))
        stream = stream + added
        stream = stream + block.mlp(norm(stream))
        all_weights.append(weights)
        all_added.append(added)
    return all_weights, all_added, stream


row = torch.tensor([[LETTERS.index(letter) for letter in (".kzamb" + 6 * "kzamb")[:LENGTH]]])
weights, added, stream = look_inside(model, row)
print("weights of layer 0:", tuple(weights[0].shape), " (row, head, who looks, at whom)")
print("each row adds up to 1:", torch.allclose(weights[0].sum(dim=-1), torch.ones(1)))

# %% [markdown]
# Are these the weights that the model uses? It never writes them down: it computes attention in tiles. But
# what it adds to the stream must be the same. Ask each layer:

# %%
with torch.no_grad():
    rotary, plans = model.whole_rows(row, None)
    x = model.first_vectors(row)
    for layer, block in enumerate(model.blocks):
        own = block.attention(norm(x), rotary, plans[layer])
        difference = (own - added[layer]).abs().max().item()
        print(f"layer {layer}: the same within 1e-5: {difference < 1e-5}")
        assert difference < 1e-5
        x = x + own
        x = x + block.mlp(norm(x))
    assert (model.stream(row) - norm(stream)).abs().max() < 1e-5

# %% [markdown]
# ## 4. Pictures of it
#
# Each picture is one head. A line is the token that looks, a column the token it looks at. The darker, the
# more. All lines add up to 1, and the upper right is empty, since nobody sees what comes later.


# %%
def heatmaps(weights, letters, title, alt):
    """The heads of one layer side by side."""
    heads = weights.shape[1]
    figure, many = plt.subplots(1, heads, figsize=(4.2 * heads, 4.4))
    n = len(letters)
    for head, axes in enumerate(many):
        axes.imshow(weights[0, head, :n, :n], cmap="Blues", vmin=0, vmax=1)
        axes.set_xticks(range(n), letters, fontsize=8)
        axes.set_yticks(range(n), letters, fontsize=8)
        axes.xaxis.tick_top()
        axes.set_xlabel("at whom")
        axes.set_title(f"{title}, head {head}")
        axes.grid(visible=False)
    many[0].set_ylabel("who looks")
    figure.tight_layout()
    show(figure, alt)


letters = in_letters(row[0])[:18]
heatmaps(
    weights[0],
    letters,
    "layer 0",
    "Two squares. In one of them dark fields run just below the diagonal: each letter looks mostly at the "
    "letters just before it.",
)

# %%
heatmaps(
    weights[1],
    letters,
    "layer 1",
    "Two squares. From the second round on, dark lines run parallel to the diagonal, at the places just "
    "after an earlier copy of the letter.",
)

# %% [markdown]
# Look at layer 1, at a letter of the second round, for example the second `z`. It looks at the places right
# *after* an earlier `z`: there stands `a`, which is the answer.
#
# ## 5. Find the heads by numbers
#
# Pictures mislead. So measure, over all test rows, how much of its weight each head puts on:
#
# - the token just **before**;
# - the **first** token, while in the first round, and later;
# - the tokens that came **after** earlier copies of the same letter.

# %%
weights, _, _ = look_inside(model, test_rows[:, :-1])
ids = test_rows[:, :-1]
who = torch.arange(LENGTH)
round_of = test_rounds[:, None]
first_round = (who[None] >= 4) & (who[None] <= round_of)
later = who[None] > round_of + 1

same = ids[:, :, None] == ids[:, None, :]  # [row, who looks, at whom]: the same letter?
after_same = torch.zeros_like(same)
after_same[:, :, 1:] = same[:, :, :-1]  # at whom: the token after a copy
after_same &= MASK[None]  # and not in the future

even = (1 / (who + 1)).expand_as(first_round)[first_round].mean().item()
print(f"The even share of the first token in the first round would be {even:.2f}.\n")
print("                  before     first,    first,     after an")
print("                         in round 1     later earlier copy")
found = {}
for layer in (0, 1):
    for head in (0, 1):
        w = weights[layer][:, head]
        before = w.diagonal(-1, 1, 2)[later[:, 1:]].mean().item()
        first_early = w[:, :, 0][first_round].mean().item()
        first_late = w[:, :, 0][later].mean().item()
        after = (w * after_same).sum(dim=-1)[later].mean().item()
        found[layer, head] = before, first_early, first_late, after
        print(
            f"layer {layer}, head {head}   {before:6.2f} {first_early:10.2f} {first_late:9.2f} {after:12.2f}"
        )

# %% [markdown]
# Now the parts have names:
#
# - In layer 0 one head is a **previous-token head**: much of its weight lies on the token just before. With
#   it, each letter learns who stood before it.
# - In layer 1 both are **induction heads**: they look at tokens that came after earlier copies of the letter.
#   They can, because layer 0 wrote into each token who stood before it. The key says "before me stood `z`",
#   the query says "I am `z`". That is why one layer would not do: two steps are needed. Olsson and others
#   (2022, arXiv 2209.11895) found such pairs in language models of many sizes, and that they appear suddenly,
#   as here.
# - In the first round there is no earlier copy to find. Then heads **rest on the first token**, far more than
#   its even share. Some do so all the time. Weights must add up to 1, so a head that finds nothing still has
#   to look somewhere, and the first token is always there. Large models do the same, which is called an
#   *attention sink* (Xiao and others, 2023, arXiv 2309.17453).

# %%
previous = max(found, key=lambda place: found[place][0])
resting = max(found, key=lambda place: found[place][1])
induction = max(found, key=lambda place: found[place][3])
print("previous-token head:      layer {}, head {}".format(*previous))
print("resting head:             layer {}, head {}".format(*resting))
print("strongest induction head: layer {}, head {}".format(*induction))

# What the text says must be so, or this page is not built.
assert found[previous][0] > 0.3
assert previous[0] == 0
assert induction[0] == 1
assert found[induction][3] > 0.6
assert found[1, 0][1] > 4 * found[1, 0][2]
assert found[1, 1][1] > 4 * found[1, 1][2]

# %% [markdown]
# ## 6. Switch heads off
#
# Does the model *need* these heads? A head that only looks clever would not be missed. So switch each one
# off, by setting to zero the part of the output matrix that reads it, and measure the loss where letters
# repeat.


# %%
def without(model, layer, head):
    """The same model with one head silent."""
    changed = copy.deepcopy(model)
    size = config.head_dim
    with torch.no_grad():
        changed.blocks[layer].attention.output.weight[:, head * size : (head + 1) * size] = 0
    return changed


names, values = ["all heads"], [losses(model)[0]]
for layer, head in found:
    names.append(f"without layer {layer}, head {head}")
    values.append(losses(without(model, layer, head))[0])

figure, axes = plt.subplots(figsize=(7, 2.8))
axes.barh(names, values, color="#5b8def")
axes.invert_yaxis()
axes.set(xlabel="nats a letter, where it repeats", title="What each head is worth")
axes.grid(axis="y", visible=False)
show(figure, "; ".join(f"{name}: {value:.2f} nats" for name, value in zip(names, values, strict=True)) + ".")
for name, value in zip(names, values, strict=True):
    print(f"{name:26} {value:.2f}")
assert max(values) > math.log(26)

# %% [markdown]
# Some heads can hardly be missed, others not at all. Without the one that is needed most, the model is worse
# than a guess: the heads that look for repetitions are still there, but they look in the wrong places, and
# trust what they find. That is evidence of another kind than a picture. A picture shows where a head looks;
# taking it away shows whether that matters.
#
# ## What you have seen
#
# - Attention weights can be computed by hand from a layer's own queries and keys, and agree with the model.
# - Heads can have jobs: look at the token before, look for repetitions, rest on the first token.
# - Two layers work together: one writes something down, the next one finds it.
# - To know what a head is for, measure over many rows, then switch it off.
#
# **Go on:** train with one layer, and look at the loss. Train with four heads. Stop the training after 40
# steps, before the loss has fallen, and look at the same pictures. Then go on with
# [fine-tuning](small_model_3_fine_tune.py).
