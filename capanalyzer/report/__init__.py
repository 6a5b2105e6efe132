"""Verdicts to reports: one model, and a renderer for each format.

- The model: ``model`` with ``model_f5``, ``log_model`` and ``structure``; ``build`` (facts to model), ``document`` (a
  report in the making), ``incidents``, ``redacted``, ``schema``.
- For programs: ``to_json`` with ``line`` and ``columns`` (ordinary sessions without a model), ``to_csv``,
  ``to_parquet``, ``rows``; between processes ``made``, ``spool``, ``seen``.
- For readers: ``to_terminal`` with ``terminal``, ``wrapping``, ``detail``, ``ladder``, ``captures``, ``progress``;
  ``to_markdown`` with ``markdown_text``, ``markdown_logs`` and ``mermaid``; HTML in ``html/``, and ``to_pdf`` from it;
  ``explained`` and ``log_line`` for ``explain``.
- The same words in all of them: ``words``, ``escape``, ``times``, ``digest`` (what is shown of many),
  ``capture_facts``, ``beside``, ``standstill``, ``course``, ``unseen``, ``request_host``, ``proxy_header``, ``f5``,
  ``f5_capture``, ``f5_texts``.
- Logs: ``joined`` (lines and sessions brought together), ``log_verdict``, ``log_clock``, ``log_facts``,
  ``log_because``, ``log_lines``, ``log_texts``, ``log_words``.
- ``--filter``: ``filter``, ``filter_syntax``, ``filter_fields``, ``filter_values``.
"""
