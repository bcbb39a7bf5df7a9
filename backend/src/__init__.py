"""Service of the Vitalyst nutrition knowledge graph.

Imports point one way: ``main → api → services → domain ← storage``. The contracts in
``pyproject.toml`` hold that; only :mod:`src.main` knows every layer and wires them together.
"""
