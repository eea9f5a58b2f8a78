"""The model in the page: a real one, asked by Python in the reader's browser.

The browser's worker runs the network (ONNX Runtime Web); all else is Python and is here: tokenizing, choosing
a token, following calls of the calculator.

- `model`        the model as pages ask it: ids in, logits out, what was read before is not read again
- `looking`      a text, what each layer would say behind it, and its loss
- `ablation`     the parts that can be left out
- `looking_page` the pages that show both, as `attention_html`, `streams_html` and `ablation_html` make it
- `recording`    a trace of what the model writes, as `nanochat.inference.recording` makes it
- `playground`   the page on which one token is written at a time
- `page`         what the worker calls
"""
