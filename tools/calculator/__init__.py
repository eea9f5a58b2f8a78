"""The parts of the model calculator.

`question` is what it can be asked, `models` which model that means, `plan` what follows; `sections` and
`machine_sections` write the report about the model itself and about the machine; `wording` puts numbers
in words.
"""
