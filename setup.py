"""Everything is in pyproject.toml but for this: the translations are compiled while the package is built."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithCatalogs(build_py):
    """Compiles each ``.po`` to the ``.mo`` beside it, before package data is collected."""

    def run(self) -> None:
        from babel.messages.mofile import write_mo
        from babel.messages.pofile import read_po

        for source in Path("capanalyzer", "locale").glob("*/LC_MESSAGES/*.po"):
            with source.open("rb") as lines:
                catalog = read_po(lines, locale=source.parts[-3])
            with source.with_suffix(".mo").open("wb") as compiled:
                write_mo(compiled, catalog)
        super().run()


setup(cmdclass={"build_py": BuildWithCatalogs})
