"""The pictures of a report, one kind a file; only who asks for a picture pays for importing them."""

from nnlab.render.charts.figure import Figure as Figure
from nnlab.render.charts.table import CHARTS as CHARTS
from nnlab.render.charts.table import figures as figures
