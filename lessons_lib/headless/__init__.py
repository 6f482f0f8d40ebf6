"""What `python run.py course` is made of: preparation, progress, runner, and the page that is written at the end."""
