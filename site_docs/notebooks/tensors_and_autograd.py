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
# # Tensors and autograd
#
# This notebook goes with [guide 1](../guides/01-introduction.md). There you built gradient descent and
# autograd in plain Python. Here you do the same with PyTorch, and look at what happens in pictures.
#
# **What you will do:** handle tensors and their shapes; let PyTorch find slopes; watch gradient descent
# walk downhill; write a small network as a module; train it on batches, with validation data; look inside.
#
# **Time:** about 40 minutes. It ran from top to bottom when this page was built.
#
# A *notebook* is a file of text and code that you run cell by cell. To change this one, download it and open
# it with Jupyter, a program for notebooks. In this repository's folder, after `make serve` has run once, type
# `.venv/bin/pip install jupyterlab`, then `.venv/bin/jupyter lab`.

# %% [markdown]
# ## 0. Set up
#
# The imports, and one helper. `show` puts a figure on the page, with a text for readers who cannot see
# it. You may skip the code for plots, here and below: none of it is needed to understand the rest. The
# *seed* makes chance repeatable: with it you get the same numbers as here.

# %%
import base64
import html
import io

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML, display
from torch import nn

torch.manual_seed(1)
# Tensors this small gain nothing from more threads, and one thread always adds in the same order.
torch.set_num_threads(1)

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
# ## 1. Tensors
#
# A tensor is numbers in a grid. Its *shape* says how long the grid is in each direction. Make a few:

# %%
scores = torch.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0]])
print(scores)
print("shape", tuple(scores.shape), " kind of number", scores.dtype, " how many", scores.numel())

print(torch.zeros(2, 3))
print(torch.arange(6))
print(torch.randn(2, 3))  # by chance, around 0

# %% [markdown]
# You pick parts as with lists, but in all directions at once. A colon means "all of them".

# %%
print("row 0:        ", scores[0])
print("column 1:     ", scores[:, 1])
print("one number:   ", scores[1, 2].item())
print("largest in each row:", scores.max(dim=1).values, "at place", scores.argmax(dim=1))

# %% [markdown]
# `dim` names a direction. `dim=0` runs down the rows, `dim=1` along the columns. The direction you name is
# the one that *disappears* when you add up or take the largest. A softmax turns each row into
# probabilities, so the shape stays:

# %%
print("sum over dim 0:", scores.sum(dim=0), " shape", tuple(scores.sum(dim=0).shape))
print("sum over dim 1:", scores.sum(dim=1), " shape", tuple(scores.sum(dim=1).shape))
print("softmax of each row adds up to 1:", scores.softmax(dim=1).sum(dim=1))

# %% [markdown]
# The same numbers can be laid out in another shape. `view` never copies: both names share the numbers.
# `.T` turns a table on its side: rows become columns.

# %%
numbers = torch.arange(12)
table = numbers.view(3, 4)
print(table)
table[0, 0] = 100
print("the first number changed in both:", numbers[0].item())
print("turned on its side:", tuple(table.T.shape))

# %% [markdown]
# *Broadcasting* repeats the smaller tensor so that the shapes fit. PyTorch compares shapes from the right.
# Two sizes fit when they are equal, or when one of them is 1 or missing. Here `(3, 1)` meets `(4,)` and
# gives `(3, 4)`:

# %%
rows = torch.tensor([[0], [10], [20]])
columns = torch.tensor([1, 2, 3, 4])
print(rows + columns)

# %% [markdown]
# **Your turn.** Predict the shape before you run: `torch.ones(5, 1, 3) + torch.ones(4, 1)`. Then check.

# %%
print(tuple((torch.ones(5, 1, 3) + torch.ones(4, 1)).shape))

# %% [markdown]
# ## 2. Autograd
#
# `requires_grad=True` tells PyTorch to record what happens to a tensor. `backward()` then walks back and
# fills in the slopes. Take the function $f(x) = x^3 - 3x$. School says its slope is $3x^2 - 3$. At $x =
# 1.5$ that is 3.75.


# %%
def f(x):
    return x**3 - 3 * x


x = torch.tensor(1.5, requires_grad=True)
value = f(x)
value.backward()

nudge = 0.001
print("by autograd:", x.grad.item())
print("by nudging: ", round(((f(1.5 + nudge) - f(1.5 - nudge)) / (2 * nudge)), 4))
print("by school:  ", 3 * 1.5**2 - 3)

# %% [markdown]
# A slope is the steepness of the line that just touches the curve. Here are three of them, each with the
# slope that autograd found:

# %%
figure, axes = plt.subplots()
grid = torch.linspace(-2.2, 2.2, 200)
axes.plot(grid, f(grid), color="#5b8def", linewidth=2.5)

for place in (-1.6, 0.0, 1.5):
    x = torch.tensor(place, requires_grad=True)
    f(x).backward()
    near = torch.linspace(place - 0.5, place + 0.5, 2)
    axes.plot(near, f(place) + x.grad.item() * (near - place), color="#e0703a", linewidth=2.5)
    axes.plot(place, f(place), "o", color="#e0703a")
    axes.annotate(
        f"slope {x.grad.item():.2f}", (place, f(place)), xytext=(12, -14), textcoords="offset points"
    )

axes.set(xlabel="x", ylabel="f(x)", title="A curve, and its slope at three places")
show(figure, "The curve of x cubed minus 3 x, with short straight lines that touch it at -1.6, 0 and 1.5.")

# %% [markdown]
# PyTorch can do it for a whole tensor at once. The slope of a *sum* towards each part is that part's own
# slope, so this gives $3x^2 - 3$ at five places:

# %%
x = torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
f(x).sum().backward()
print(x.grad)

# %% [markdown]
# One trap: `backward()` *adds* to `.grad`. Call it twice, and the slopes double. That is why training loops
# call `zero_grad()`.

# %%
f(x).sum().backward()
print("after a second backward:", x.grad)

# %% [markdown]
# ## 3. Gradient descent on a map
#
# The taxi with a start fee, from guide 1: price = $w \cdot$ kilometres + $b$. Two parameters, so the loss
# is a landscape over a map of $w$ and $b$. Follow the path downhill. Here we take the steps by hand, without
# an optimizer. A `with torch.no_grad():` block is not recorded. `detach().clone()` keeps a copy of the
# numbers without their record, and `torch.stack` puts such copies on top of each other, in one tensor.

# %%
kilometres = torch.tensor([1.0, 2.0, 4.0])
price = torch.tensor([5.0, 8.0, 14.0])


def taxi_loss(w, b):
    return ((w * kilometres + b - price) ** 2).mean()


parameters = torch.tensor([0.0, 0.0], requires_grad=True)
path = []
for _ in range(150):
    path.append(parameters.detach().clone())
    loss = taxi_loss(parameters[0], parameters[1])
    loss.backward()
    with torch.no_grad():  # the step itself must not be recorded
        parameters -= 0.1 * parameters.grad
    parameters.grad = None
path = torch.stack(path)

for step in (0, 1, 2, 10, 50, 149):
    w, b = path[step].tolist()
    print(f"step {step:3}   w = {w:.3f}   b = {b:.3f}   loss = {taxi_loss(w, b).item():.5f}")

# %%
w_grid, b_grid = torch.meshgrid(torch.linspace(-1, 6.5, 120), torch.linspace(-1, 4, 100), indexing="xy")
height = ((w_grid[..., None] * kilometres + b_grid[..., None] - price) ** 2).mean(dim=-1)

figure, axes = plt.subplots()
lines = axes.contour(w_grid, b_grid, height, levels=[0.05, 0.3, 1, 3, 10, 30, 60, 100], colors="#5b8def")
axes.clabel(lines, fontsize=8)
axes.plot(
    path[:, 0],
    path[:, 1],
    "o-",
    color="#e0703a",
    markersize=4,
    linewidth=1.5,
    label="path of gradient descent",
)
axes.plot(3, 2, "*", color="#d33682", markersize=14, label="best: w = 3, b = 2")
axes.set(
    xlabel="w, price of a kilometre",
    ylabel="b, start fee",
    title="The loss as a map, with lines of equal height",
)
axes.legend(ncol=2, loc="upper center", bbox_to_anchor=(0.5, -0.18))
show(
    figure,
    "A long narrow valley on a map of w and b. The path jumps across the valley at first, then creeps along "
    "its floor to w = 3, b = 2.",
)

# %% [markdown]
# The valley is steep across and flat along. The path zigzags across it at first, then creeps along the
# floor. A larger rate would fly apart across the valley; a smaller one would creep even more slowly. This
# is the problem that better optimizers such as AdamW attack: they give each parameter its own step size.
#
# **Your turn.** Change the rate 0.1 to 0.12 and to 0.13. One of them flies apart.

# %% [markdown]
# ## 4. A network as a module
#
# Now a task no straight line can do: learn a wave from noisy points. 120 points, of which every fourth is
# kept apart as *validation data*. `unsqueeze(1)` makes each number a row of its own, and `~` means "not".

# %%
x_all = torch.linspace(-3, 3, 120).unsqueeze(1)  # shape (120, 1): 120 examples with 1 number each
y_all = torch.sin(2 * x_all) + 0.15 * torch.randn_like(x_all)

is_validation = torch.arange(120) % 4 == 0
x_train, y_train = x_all[~is_validation], y_all[~is_validation]
x_val, y_val = x_all[is_validation], y_all[is_validation]
print("training", tuple(x_train.shape), " validation", tuple(x_val.shape))

# %% [markdown]
# Your own module is a class. `class Wave(nn.Module)` says: take over all that an `nn.Module` can do, and
# `super().__init__()` sets that up. `__init__` makes the parts, `forward` says how data flows through them.
# PyTorch finds all parameters inside by itself.


# %%
class Wave(nn.Module):
    """One number in, two hidden layers, one number out."""

    def __init__(self, width):
        super().__init__()
        self.first = nn.Linear(1, width)
        self.second = nn.Linear(width, width)
        self.last = nn.Linear(width, 1)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = torch.relu(self.second(x))
        return self.last(x)


network = Wave(width=32)
for name, parameter in network.named_parameters():
    print(f"{name:14} {tuple(parameter.shape)!s:10} {parameter.numel():5} numbers")
print("in all", sum(parameter.numel() for parameter in network.parameters()))

# %% [markdown]
# ## 5. Train it
#
# The four moves: forward, loss, backward, step. Each step looks at a *batch* of 16 points, picked by
# chance. Now and then we measure the loss on the validation data. `torch.no_grad()` says that nothing need
# be recorded there.

# %%
network = Wave(width=32)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.01, weight_decay=0.0)
history = []

for step in range(801):
    batch = torch.randint(len(x_train), (16,))
    loss = nn.functional.mse_loss(network(x_train[batch]), y_train[batch])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        with torch.no_grad():
            train_loss = nn.functional.mse_loss(network(x_train), y_train).item()
            val_loss = nn.functional.mse_loss(network(x_val), y_val).item()
        history.append((step, train_loss, val_loss))
        if step % 200 == 0:
            print(f"step {step:3}   training loss {train_loss:.4f}   validation loss {val_loss:.4f}")

# %%
steps, train_losses, val_losses = zip(*history, strict=True)
figure, axes = plt.subplots()
axes.plot(steps, train_losses, color="#5b8def", linewidth=2, label="training")
axes.plot(steps, val_losses, "--", color="#e0703a", linewidth=2, label="validation")
axes.axhline(0.15**2, color=GREY, linewidth=1, linestyle=":", label="the noise itself, 0.15 squared")
axes.set(xlabel="step", ylabel="loss", title="Both losses fall towards the noise", yscale="log")
axes.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5], labels=["0.02", "0.05", "0.1", "0.2", "0.5"])
axes.minorticks_off()
axes.legend()
show(
    figure,
    "Training and validation loss start near 0.6 and fall, the training loss almost to 0.0225, the square of "
    "the noise, the validation loss to about 0.04.",
)

# %% [markdown]
# No model can guess the noise, so a loss near $0.15^2 = 0.0225$ is as good as it gets on new data. Training
# loss can go below that: then the network learns the noise of its training points by heart. The gap between
# the two curves says that a little of this has begun: the network does better on points it has seen.

# %%
figure, axes = plt.subplots()
fine = torch.linspace(-3, 3, 300).unsqueeze(1)
with torch.no_grad():
    axes.plot(fine, network(fine), color="#5b8def", linewidth=2.5, label="the network")
axes.plot(fine, torch.sin(2 * fine), ":", color=GREY, linewidth=1.5, label="the true wave")
axes.plot(x_train, y_train, ".", color="#2f9e6b", label="training points")
axes.plot(x_val, y_val, "x", color="#e0703a", label="validation points")
axes.set(xlabel="x", ylabel="y", title="What the network learned")
axes.legend(ncol=2, loc="upper center", bbox_to_anchor=(0.5, -0.18))
show(figure, "Noisy points along a wave. The network's line follows the wave closely.")

# %% [markdown]
# ## 6. Overfit on purpose
#
# Give a wide network only ten points and no validation data to stop it. It will pass through every point,
# noise and all, and be wrong in between.

# %%
torch.manual_seed(3)
few = torch.randperm(len(x_train))[:10]
memorizer = Wave(width=128)
optimizer = torch.optim.AdamW(memorizer.parameters(), lr=0.005, weight_decay=0.0)
for _ in range(1500):
    loss = nn.functional.mse_loss(memorizer(x_train[few]), y_train[few])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

with torch.no_grad():
    val_loss = nn.functional.mse_loss(memorizer(x_val), y_val).item()
print(f"training loss {loss.item():.6f}   validation loss {val_loss:.3f}")

# %%
figure, axes = plt.subplots()
with torch.no_grad():
    axes.plot(fine, memorizer(fine), color="#5b8def", linewidth=2.5, label="the network")
axes.plot(fine, torch.sin(2 * fine), ":", color=GREY, linewidth=1.5, label="the true wave")
axes.plot(x_train[few], y_train[few], "o", color="#2f9e6b", label="its ten training points")
axes.set(xlabel="x", ylabel="y", title="Perfect on ten points, wrong elsewhere")
axes.legend(ncol=3, loc="upper center", bbox_to_anchor=(0.5, -0.18))
show(
    figure, "The network's line passes through all ten training points and misses the true wave between them."
)

# %% [markdown]
# ## 7. Look inside
#
# What do the hidden neurons do? Each neuron of the first layer is a line with one bend. Here are eight of
# the 32 of the good network, before they are added up:

# %%
with torch.no_grad():
    bends = torch.relu(network.first(fine))  # shape (300, 32)

figure, axes = plt.subplots()
for neuron in range(8):
    axes.plot(fine, bends[:, neuron], linewidth=1.8)
axes.set(xlabel="x", ylabel="output of the neuron", title="Eight neurons of the first layer")
show(
    figure,
    "Eight lines. Most are flat at 0 on one side of a bend; one bends outside the picture.",
)
print("shape of the layer's output:", tuple(bends.shape))

# %% [markdown]
# Add up enough such bends, each with its own weight, and you can come as close as you like to any curve
# without jumps. The second layer adds them up and bends the sums once more; the last adds those up. That is
# all a network of this kind does.
#
# ## What you have seen
#
# - Shapes decide what fits with what. Name the direction with `dim`; it disappears.
# - `backward()` finds all slopes and adds them to `.grad`.
# - A module holds parameters; an optimizer changes them; four moves make a training loop.
# - Training loss alone can fool you. The validation loss says whether the network is any good.
#
# **Go on:** put `torch.tanh` in place of `torch.relu`, and look at the neurons again. Make the noise
# larger. Use 8 neurons instead of 32. Then continue with [guide 2](../guides/02-tokenization.md).
