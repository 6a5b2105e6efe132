"""The report as one HTML file, and what the PDF is made from.

``page`` puts the sections together; each section is a module of pure functions from the model to :class:`Markup`.
``page.html``, ``style.css``, ``drawing.css`` and ``script.js`` are its fixed parts. All text passes through
:mod:`capanalyzer.report.html.markup`, the only place that makes markup of it.
"""
