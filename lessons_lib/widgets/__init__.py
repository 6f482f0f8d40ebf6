"""The widgets of the lessons; each has a plain function and a text result beneath it, and can be used by keyboard."""
