"""The functions that `import pipelines` offers, each in a file of its own. They call what the commands call, and return values that a notebook shows.

`pipelines/__init__.py` names them; a file is imported when its function is first used.
"""
