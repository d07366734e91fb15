"""Write what `docs/` says of the code: scripts/docs --write. Prints the files that it has changed."""

from __future__ import annotations

from docpages import blocks


def main() -> None:
    """Renew every generated block, the JSON Schema and the picture."""
    for path, text in blocks.stale():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(blocks.ROOT))


if __name__ == "__main__":
    main()
