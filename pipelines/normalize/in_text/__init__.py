"""Calls, results and tool definitions that are written in texts: in the syntax of a model, or in that of a data set."""
