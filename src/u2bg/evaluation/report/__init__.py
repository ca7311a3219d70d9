"""The report folder: a page, its figures, the worst pictures, and the numbers."""

from u2bg.evaluation.report.folder import check_folder, write
from u2bg.evaluation.report.worst import Worst

__all__ = ["Worst", "check_folder", "write"]
