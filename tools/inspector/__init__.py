"""The parts of the dataset inspector.

`question` is what it can be asked. `lines` reads files of any size, `records` says what stands in a line, and
`faults` why the trainer would refuse it. `cautions` looks for what it would take and a person might not, with
`characters` and `personal`; `duplicates` finds what is there twice. `lengths` counts tokens, `rows` puts
records into rows as the trainer does. `survey` does all of it in one pass; the `…_sections` write the report.
"""
