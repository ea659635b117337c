"""How images are cut into slices, as pure functions of width and height. Nothing here reads pixels."""
