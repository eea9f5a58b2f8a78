"""The parts of the attention visualizer.

`question` is what it can be asked, `source` finds the trace to look at, `with_model` makes one from a
checkpoint, `live_trace` from the model of the page, `reading` says what they read; `trace` is what a trace is
and `trace_file` how it is kept; `tokens` says how a token is called, `measures` what a head does in numbers,
`patterns` in a word; `view` is a trace with a question; `drawing` makes the pictures; the `…_sections` and
`notes` write the report.
"""
