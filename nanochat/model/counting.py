"""How many parameters a model has, part by part, and how many operations one token costs.

Nothing is estimated here: every tensor of the model is named, and its size is a product of a few numbers.
A figure keeps the formula it came from, so that the calculator can show it with the numbers put in.

Letters: L layers, C channels of the stream (n_embd), H heads, K key/value heads, D head width, F width
inside the MLP, V rows of the vocabulary (padded where the model pads), P learned positions, T tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

from nanochat.model.config import SMEAR_GATE_CHANNELS, VALUE_GATE_CHANNELS, GPTConfig
from nanochat.model.shape import Model, Shape

# What a part is to the optimizer and to the arithmetic:
EMBEDDING = "embedding"  # a table; a token looks up its row, nothing is multiplied
VALUE_EMBEDDING = "value embedding"  # the same, for the extra tables of nanochat
MATRIX = "matrix"  # a matrix inside the blocks; trained by Muon here
HEAD = "head"  # the matrix that turns the last state into logits
SMALL = "small"  # norms, biases, scalars and the smear gate: too small to matter, needed to be exact


@dataclass(frozen=True)
class Figure:
    """A number and where it came from: the formula in letters, then with the numbers put in.

    >>> figure = calculate("{V}·{C}", V=32_000, C=384)
    >>> figure.value
    12288000
    >>> figure.formula
    'V·C = 32,000·384 = 12,288,000'
    """

    value: int
    formula: str

    def __int__(self) -> int:
        return self.value


@dataclass(frozen=True)
class Part:
    """One kind of tensor, or a few that belong together, and how often the model has it.

    >>> Part("attention", MATRIX, calculate("4·{C}·{C}", C=8), times=6).total
    1536
    """

    name: str
    kind: str
    each: Figure
    times: int = 1
    per_layer: bool = False

    @property
    def total(self) -> int:
        """Parameters in all layers together.

        >>> Part("norms", SMALL, calculate("2·{C}", C=8), times=3).total
        48
        """
        return self.each.value * self.times


@dataclass(frozen=True)
class ParameterCount:
    """All parts of one model.

    >>> count = count_parameters(GPTConfig.from_depth(4))
    >>> count.total == sum(part.total for part in count.parts)
    True
    >>> count.of_kind(HEAD) == 256 * 32_768
    True
    """

    parts: tuple[Part, ...]

    @property
    def total(self) -> int:
        """Every trainable number, a tied table counted once.

        >>> count_parameters(Shape("gpt2", 12, 768, 12, 50_257, tied=True)).total
        124439808
        """
        return sum(part.total for part in self.parts)

    def of_kind(self, *kinds: str) -> int:
        """Parameters of the kinds named.

        >>> count_parameters(GPTConfig.from_depth(12)).of_kind(MATRIX, HEAD)
        110100912
        """
        return sum(part.total for part in self.parts if part.kind in kinds)

    def named(self, name: str) -> int:
        """Parameters of the part named, 0 when the model has none.

        >>> count_parameters(GPTConfig.core()).named("smear gate")
        0
        """
        return sum(part.total for part in self.parts if part.name == name)


def count_parameters(model: Model) -> ParameterCount:
    """Count every trainable parameter of `model`.

    >>> count_parameters(Shape("textbook", n_layer=6, n_embd=384, n_head=6, vocab_size=32_000)).total
    35202816
    """
    if isinstance(model, GPTConfig):
        parts = nanochat_parts(model)
    else:
        families = {"textbook": textbook_parts, "gpt2": gpt2_parts, "llama": llama_parts}
        parts = families[model.arch](model)
    return ParameterCount(tuple(part for part in parts if part.total))


def textbook_parts(model: Shape) -> list[Part]:
    """LayerNorm with weight and bias, no other bias, no learned positions.

    >>> [part.name for part in textbook_parts(Shape("textbook", 6, 384, 6, 32_000))]
    ['token embedding', 'attention', 'MLP', 'norms', 'final norm', 'head']
    """
    return [
        embedding_part(model),
        Part("attention", MATRIX, attention_matrices(model), model.n_layer, per_layer=True),
        Part("MLP", MATRIX, calculate("2·{C}·{F}", C=model.n_embd, F=model.mlp_width), model.n_layer, True),
        Part("norms", SMALL, calculate("2·2·{C}", C=model.n_embd), model.n_layer, per_layer=True),
        Part("final norm", SMALL, calculate("2·{C}", C=model.n_embd)),
        head_part(model),
    ]


def gpt2_parts(model: Shape) -> list[Part]:
    """GPT-2: the textbook's tensors, a bias on every matrix, a learned vector for every position.

    >>> parts = {part.name: part.total for part in gpt2_parts(Shape("gpt2", 12, 768, 12, 50_257, tied=True))}
    >>> parts["position embedding"], parts["attention biases"]
    (786432, 36864)
    """
    C, n_layer = model.n_embd, model.n_layer
    attention_biases = calculate(
        "({H} + 2·{K})·{D} + {C}", H=model.n_head, K=model.n_kv_head, D=model.head_dim, C=C
    )
    biases = [
        Part("attention biases", SMALL, attention_biases, n_layer, per_layer=True),
        Part("MLP biases", SMALL, calculate("{F} + {C}", F=model.mlp_width, C=C), n_layer, per_layer=True),
    ]
    positions = Part("position embedding", EMBEDDING, calculate("{P}·{C}", P=model.sequence_len, C=C))
    first, *rest = textbook_parts(model)
    return [first, positions, *rest[:2], *biases, *rest[2:]]


def llama_parts(model: Shape) -> list[Part]:
    """Llama, Mistral, Qwen: RMSNorm weights, a gated MLP (three matrices), biases only where switched on.

    >>> llama = Shape("llama", n_layer=32, n_embd=4096, n_head=32, vocab_size=32_000, mlp_width=11_008)
    >>> sum(part.total for part in llama_parts(llama))
    6738415616
    """
    C, F, n_layer = model.n_embd, model.mlp_width, model.n_layer
    qkv_biases = calculate("({H} + 2·{K})·{D}", H=model.n_head, K=model.n_kv_head, D=model.head_dim)
    return [
        embedding_part(model),
        Part("attention", MATRIX, attention_matrices(model), n_layer, per_layer=True),
        Part("attention biases", SMALL, qkv_biases, n_layer * model.qkv_bias, per_layer=True),
        Part("output biases", SMALL, calculate("{C}", C=C), n_layer * model.out_bias, per_layer=True),
        Part(
            "query and key norms", SMALL, calculate("2·{D}", D=model.head_dim), n_layer * model.qk_norm, True
        ),
        Part("MLP", MATRIX, calculate("3·{C}·{F}", C=C, F=F), n_layer, per_layer=True),
        Part(
            "MLP biases", SMALL, calculate("2·{F} + {C}", C=C, F=F), n_layer * model.mlp_bias, per_layer=True
        ),
        Part("norms", SMALL, calculate("2·{C}", C=C), n_layer, per_layer=True),
        Part("final norm", SMALL, calculate("{C}", C=C)),
        head_part(model),
    ]


def nanochat_parts(model: GPTConfig) -> list[Part]:
    """This project's GPT. These tensors exist, and no other (a linear map has no bias, RMSNorm no weight):

    - token embedding [V, C] and head [V, C], untied, V padded to a multiple of 64
    - each layer: queries [H·D, C], keys and values [K·D, C], output [C, H·D]; MLP [F, C] and [C, F]
    - each layer in `config.value_layers`: a value embedding [V, K·D], and a value gate [K, 12]:
      3·sigmoid(W·x[:12]) for every key/value head
    - one residual scalar a layer [L], one x0 scalar a layer [L]
    - smear: a gate [1, 24] on the first 24 channels, and its strength lambda [1]; backout: its lambda [1]

    >>> parts = {part.name: part.total for part in nanochat_parts(GPTConfig.from_depth(12))}
    >>> parts["value embeddings"], parts["value gates"], parts["smear gate"]
    (150994944, 432, 25)
    """
    V, C, K, D = model.padded_vocab_size, model.n_embd, model.n_kv_head, model.head_dim
    n_layer, n_value = model.n_layer, len(model.value_layers)
    value_gate = calculate(f"{VALUE_GATE_CHANNELS}·{{K}}", K=K)
    return [
        embedding_part(model),
        Part("value embeddings", VALUE_EMBEDDING, calculate("{V}·{K}·{D}", V=V, K=K, D=D), n_value),
        Part("attention", MATRIX, attention_matrices(model), n_layer, per_layer=True),
        Part("MLP", MATRIX, calculate("2·{C}·{F}", C=C, F=model.mlp_width), n_layer, per_layer=True),
        Part("value gates", MATRIX, value_gate, n_value),
        Part("residual scalars", SMALL, calculate("{L}", L=n_layer), int(model.residual_scalars)),
        Part("x0 scalars", SMALL, calculate("{L}", L=n_layer), int(model.x0_scalars)),
        Part("smear gate", SMALL, calculate(f"{SMEAR_GATE_CHANNELS} + 1"), int(model.smear)),
        Part("backout", SMALL, calculate("1"), int(model.backout)),
        head_part(model),
    ]


def embedding_part(model: Model) -> Part:
    """The table of token vectors.

    >>> embedding_part(GPTConfig(n_embd=768)).each.formula
    'V·C = 32,768·768 = 25,165,824'
    """
    each = calculate("{V}·{C}", V=model.padded_vocab_size, C=model.n_embd)
    return Part("token embedding", EMBEDDING, each)


def head_part(model: Model) -> Part:
    """The output matrix; a tied head is the embedding itself, so it adds nothing.

    >>> head_part(GPTConfig()).total
    25165824
    """
    each = calculate("{V}·{C}", V=model.padded_vocab_size, C=model.n_embd)
    return Part("head", HEAD, each, times=0 if model.tied else 1)


def attention_matrices(model: Model) -> Figure:
    """Queries, keys, values and output of one layer; grouped-query attention makes keys and values smaller.

    >>> attention_matrices(GPTConfig(n_embd=384, n_head=3, n_kv_head=1)).formula
    '2·C·H·D + 2·C·K·D = 2·384·3·128 + 2·384·1·128 = 393,216'
    """
    sizes = {"C": model.n_embd, "H": model.n_head, "K": model.n_kv_head, "D": model.head_dim}
    return calculate("2·{C}·{H}·{D} + 2·{C}·{K}·{D}", **sizes)


@dataclass(frozen=True)
class Flops:
    """Floating-point operations for one token, forward and backward.

    >>> flops = count_flops(Shape("gpt2", 12, 768, 12, 50_257, tied=True), n_time=1024)
    >>> flops.total, flops.matmul.value, flops.attention.value
    (854438400, 741192192, 113246208)
    """

    matmul: Figure
    attention: Figure

    @property
    def total(self) -> int:
        """All operations of one token in training.

        >>> count_flops(GPTConfig.from_depth(12)).total
        759696048
        """
        return self.matmul.value + self.attention.value

    @property
    def forward(self) -> int:
        """The forward pass alone: a third, since the backward pass multiplies twice as much.

        >>> count_flops(GPTConfig.from_depth(12)).forward
        253232016
        """
        return self.total // 3


def count_flops(model: Model, n_time: int | None = None) -> Flops:
    """Operations per token of training on sequences of `n_time` tokens (default: the model's own context).

    Every multiplied parameter costs 2 operations forward and 4 backward, hence 6 (Kaplan et al. 2020, arXiv
    2001.08361, section 2.1). Attention multiplies queries with keys and weights with values: 2·2·H·D a key
    forward, 12·H·D in all, over as many keys as the layer's window holds (Chowdhery et al. 2022, PaLM,
    arXiv 2204.02311, appendix B). As usual the causal mask is not deducted.

    >>> count_flops(GPTConfig.from_depth(6)).attention.formula
    '12·H·D·sum(min(window, T)) = 12·3·128·6,144 = 28,311,552'
    """
    n_time = n_time or model.sequence_len
    parameters = multiplied_parameters(model)
    keys = sum(min(window, n_time) for window in model.windows())
    attention = 12 * model.n_head * model.head_dim * keys
    letters, numbers = "12·H·D·sum(min(window, T))", f"12·{model.n_head:,}·{model.head_dim:,}·{keys:,}"
    return Flops(
        matmul=calculate("6·{N}", N=parameters),
        attention=Figure(attention, f"{letters} = {numbers} = {attention:,}"),
    )


def multiplied_parameters(model: Model) -> int:
    """Parameters that take part in a matrix product: the matrices, the head (tied or not), the smear gate.

    >>> multiplied_parameters(GPTConfig.core(n_layer=12)) == 12 * 12 * 768**2 + 768 * 32_768
    True
    """
    matrices = count_parameters(model).of_kind(MATRIX)
    smear = SMEAR_GATE_CHANNELS if isinstance(model, GPTConfig) and model.smear else 0
    return matrices + model.padded_vocab_size * model.n_embd + smear


def kv_cache_per_token(model: Model, bytes_each: int = 2) -> Figure:
    """Bytes the KV cache keeps for one token: a key and a value of every layer (2 bytes each in bf16).

    >>> kv_cache_per_token(Shape("llama", 32, 4096, 32, 128_256, n_kv_head=8)).formula
    '2·L·K·D·bytes = 2·32·8·128·2 = 131,072'
    """
    value = 2 * model.n_layer * model.n_kv_head * model.head_dim * bytes_each
    numbers = f"2·{model.n_layer:,}·{model.n_kv_head:,}·{model.head_dim:,}·{bytes_each}"
    return Figure(value, f"2·L·K·D·bytes = {numbers} = {value:,}")


def calculate(template: str, **sizes: int) -> Figure:
    """Put `sizes` into a formula such as `"2·{C}·{F}"`, and work it out.

    A formula is a sum of products, with at most one bracket at the head of a product.

    >>> calculate("({H} + 2·{K})·{D}", H=4, K=1, D=8).formula
    '(H + 2·K)·D = (4 + 2·1)·8 = 48'
    """
    value = evaluate(template.format(**sizes))
    letters = template.format(**{name: name for name in sizes})
    numbers = template.format(**{name: f"{size:,}" for name, size in sizes.items()})
    steps = [letters] if letters == f"{value:,}" else [letters, numbers, f"{value:,}"]
    return Figure(value, " = ".join(dict.fromkeys(steps)))


def evaluate(formula: str) -> int:
    """Work out sums, products and one level of brackets over whole numbers.

    >>> evaluate("(4 + 2·1)·8 + 3")
    51
    """
    while "(" in formula:
        before, inside = formula[: formula.index("(")], formula[formula.index("(") + 1 : formula.index(")")]
        formula = f"{before}{evaluate(inside)}{formula[formula.index(')') + 1 :]}"
    total = 0
    for product in formula.split("+"):
        value = 1
        for factor in product.split("·"):
            value *= int(factor)
        total += value
    return total
