"""The rules, in folders by the stage they are about; :mod:`capanalyzer.diagnosis.registry` lists them."""
