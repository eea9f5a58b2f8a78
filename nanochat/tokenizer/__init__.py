"""Text to token ids and back (guide 2). The reference is standard library only and also runs in the browser.

Read in this order:

    bpe.py            learn merges from text, encode with them, decode, watch each step
    split.py          how text is cut into pieces first, and the four patterns for it
    unicode_table.py  which characters are letters, digits, marks and spaces
    tokenizer.py      the class that the rest of the project uses; special tokens; saving and loading
    chat.py           a conversation as token ids, and the mask of what the model learns
    ranks.py          the published vocabularies of GPT-2, GPT-4 and GPT-4o

What training uses, with the same ids, needs `pip install -e '.[train]'`:

    fast.py           the same class with tiktoken inside
    training.py       learn a vocabulary from gigabytes, with rustbpe
    evaluation.py     how well vocabularies compress, by kind of text
    huggingface.py    the same tokenizer as `tokenizer.json` (standard library)
"""
