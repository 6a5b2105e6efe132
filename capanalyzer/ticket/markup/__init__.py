"""The markups of ticket systems, each with the escapes that make hostile text harmless in it."""
