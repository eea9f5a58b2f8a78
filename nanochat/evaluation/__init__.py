"""Guide 7: evaluation. How good a model is: bits per byte, CORE, tasks, the report card."""
