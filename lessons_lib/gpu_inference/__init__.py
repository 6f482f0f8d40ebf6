"""Inference on a GPU, taken apart: precisions, launches, memory, copies, streams. The same on a CPU, where that makes sense.

Reading order: `precisions`, `errors`, `bound`, `launches`, `memory`, `copies`, `streams`, `paying`, `judged`.
"""
