"""The parts of the generation explorer.

`question` is what it can be asked, `source` finds the trace, in a file or with a model (`with_model` a
checkpoint's, `live_trace` the page's own), `prompt` says what a model reads, `walk` follows a text through a
trace; the `…_sections` write the report. `small_trace.json` is for the chapter that builds a small explorer;
this command made it from the kept run's model:

    nanochat tools generation-explorer --run speedrun-laptop --prompt 'The United States of' --tokens 6
        --keep 8 --temperature 1 --top-k 8 --temperatures '0, 0.5, 1, 2' --top-ps 1 --save-trace …
"""
