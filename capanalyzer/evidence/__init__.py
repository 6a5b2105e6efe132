"""Evidence captures: for each incident a small pcapng with the packets that show it, commented in place.

The analysis has gone over the capture once and remembers of the sessions that failed which they are and what proves
it (:mod:`.collect`). A second pass numbers the streams again, without looking into them, and copies the packets that
belong to these (:mod:`.gather`); secrets are taken out (:mod:`.rewrite`), and the files are written (:mod:`.files`).
"""
