"""Whether a run can go on, from where, and with which command: what the resume helper is made of."""
