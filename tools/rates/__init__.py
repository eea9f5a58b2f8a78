"""The parts of the learning-rate finder.

`question` holds its parameters, `sweep` what a sweep is and how it is saved, `analysis` what is read from
one, `flags` the command that comes of it, `finder_sections` and `trained_sections` the report. `with_model`
measures a sweep on the real model, `trained_here` on microGPT in plain Python; `saving` writes it down.
"""
