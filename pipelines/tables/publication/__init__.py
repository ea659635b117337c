"""Publishing: files that workers wrote become rows of the tables, by one conditional commit to table `runs`.

plan.py       what a run is going to publish
publish.py    the commit that decides
complete.py   brings the other tables up to date, for this run or one that was killed
delta.py      commits to a Delta table
root.py       where everything is under an output root
"""
