"""Guide 5: inference. From logits to text: sampling, the KV cache, the generation engine."""
