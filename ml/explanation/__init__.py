"""Shapley values of linear and tree models, per row and feature; knows numbers only."""
