"""The report as one HTML file, and what the PDF is made from.

``page`` puts the sections together; each section is a module of pure functions from the model to :class:`Markup`.
``page.html``, ``style.css``, ``drawing.css`` and ``script.js`` are its fixed parts. All text passes through
:mod:`capanalyzer.report.html.markup`, the only place that makes markup of it.

- The page: ``page``, ``parts`` (its fixed parts), ``look``, ``markup``; ``rows`` and ``script_texts`` (what the script
  is given).
- From top to bottom: ``summary``, ``incidents``, ``charts``, ``sessions``, ``log_lines``.
- One session: ``shortlist`` (which are shown), ``detail``, ``sequence`` with ``time_axis`` and ``drawing``,
  ``first_bytes``, ``parameters``, ``certificates``, ``big_ip``.
"""
