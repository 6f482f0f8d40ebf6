"""What `run.py` needs before anything is installed: the virtual environment and the packages in it."""
