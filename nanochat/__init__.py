"""nanochat: a language model small enough to understand, from raw text to a chat.

Importing this package imports nothing else. Each folder is one guide of the site:
`nanochat.tokenizer` is guide 2, `nanochat.model` guide 3.
"""

__version__ = "0.1.0"
