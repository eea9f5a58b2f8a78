"""Checkpoints on disk, read with the standard library: what the checkpoint browser is made of.

`header` and `numbers` read safetensors files, `runs` finds runs and their steps, `scores` reads what was
measured; the resume helper stands on the same four.
"""
