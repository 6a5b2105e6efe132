"""What a report or an evidence capture must not say, said otherwise: keyed, consistent, of the same length."""
