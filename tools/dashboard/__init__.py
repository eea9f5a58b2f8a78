"""The parts of the training dashboard.

`question` is what it can be asked, `runs` finds the runs that are meant, `names` knows what the trainer
writes, `lines` reads the steps that count, `curve` keeps a line of any length in a few hundred points,
`trouble` finds what went wrong, `history` puts these together for one run, `follow` does so while the file
grows; the `…_sections` and `says` write the report, `csv_file` the export.
"""
