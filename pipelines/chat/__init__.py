"""The bricks of dialects: segments and how they become ids, turns and steps, tool-call syntaxes, over-long rows, the laws of a row."""
