"""Columns of TCP segments to connections: numbered, counted, and of each only the segments that can matter.

- The entry: ``tracker``; ``running`` and ``running_flows`` for captures that go on; ``behind`` (who takes what leaves),
  ``share`` (several processes).
- What every segment costs: ``index`` and ``table`` (which connection), ``counting``, ``chunk``, ``choice`` (which
  segments leave), ``cap``, ``live`` (open connections), ``blank``, ``limits``, ``notes``.
- What leaves: ``flow``, ``flows``, ``runs``, ``community_id``.
- What needs no reassembly: ``short_way``, ``inorder``, ``waiting``, ``tail``.
- Order and absence: ``reassembly``, ``holes``, ``losses``, ``quotes``.
"""
