"""Ten learning tools on one core: standard library only, in a terminal and on a page alike."""
