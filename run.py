"""The front door: `python run.py VERB`, the same as the installed `saysdoes VERB`."""

from pipeline.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
