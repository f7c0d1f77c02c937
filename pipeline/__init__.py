"""saysdoes: checks what marketing copy says against what product documentation shows."""

__version__ = "0.1.0"
