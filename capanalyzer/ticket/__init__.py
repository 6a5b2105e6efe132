"""From a report to a ticket: what is known, in the words and the markup of the system that the ticket lives in.

    target -> credentials -> parcel (files, digest) -> summary -> markup -> system -> receipt

Nothing here is imported by an analysis. Network libraries are imported when something is sent.
"""
