"""Is a chain of certificates one that a client could trust: names, paths, signatures, roots, dates, all at the time of
the session. What becomes of it in a verdict is decided by the rules (:mod:`capanalyzer.diagnosis.rules.trust`).
"""
