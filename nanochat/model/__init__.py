"""The model: its shape, its parts, and what it costs.

The pure part needs no torch and is what the calculator and the live pages use: `config` (the sizes and
switches of this project's GPT), `shape` (other families), `counting` (parameters and FLOPs), `memory`,
`planning` (time, money, what fits), `hardware` (a table of GPUs), `presets` and `huggingface`.
"""
