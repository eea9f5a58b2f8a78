"""Text: where it comes from, how it lies on disk, and how it becomes batches of tokens.

`corpus` and `shards` are what lies on disk. `classics`, `folder` and `hub` are the three ways to fill it:
from packages, from the reader's own files, from the Hugging Face hub. `clean` and `build` do the work they
share: cleaning, cutting, dropping what comes twice, choosing what is kept for validation, shuffling.
"""
