"""How images are cut into slices: pure functions of (width, height). No pixel is read here."""
