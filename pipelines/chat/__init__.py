"""What dialects are built from: segments and how they become ids, turns and steps, tool-call syntaxes, and the checks of a row."""
