"""The parts of the model calculator: `question` (what it can be asked), `plan` (what follows), and the sections
of its report: `sections` (the model itself) and `machine_sections` (memory, time and money on a machine)."""
