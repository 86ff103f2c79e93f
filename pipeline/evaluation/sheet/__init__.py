"""A blind side-by-side sheet: a page on which a person picks the better of two models' replies."""

from pipeline.evaluation.sheet.comparison import Comparison, Item, compare_replies
from pipeline.evaluation.sheet.page import render_page

__all__ = ["Comparison", "Item", "compare_replies", "render_page"]
