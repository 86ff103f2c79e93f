"""Makes the series of this folder; always the same one.

    python data/temperature/make.py

celsius.csv    ten years of daily mean temperatures of a place that does not exist: a year's wave,
               and weather around it that remembers two days (an autoregressive process)
changes.tsv    short stretches of it as arrows from day to day, and whether it was warmer or colder
               at their end than at their beginning
"""

import datetime
import math
import random
from itertools import pairwise
from pathlib import Path

NUM_DAYS = 3_652
MEAN, AMPLITUDE, COLDEST_DAY = 12.0, 13.0, 20
MEMORY = (1.1, -0.45)
"""How much of yesterday's and the day before's deviation from the season stays."""
SURPRISE = 2.0
"""Standard deviation, in °C, of what no one can foresee in a day: the least RMSE there is."""

NUM_STRETCHES = 2_400
STRETCH_DAYS = (4, 12)
LARGE = 3.0
"""A change from a day to the next, in °C, that gets a double arrow."""
SAME = 1.5
"""A stretch that ends within so many °C of its beginning is neither warmer nor colder."""


def temperatures(num_days: int, generator: random.Random) -> list[float]:
    """Degrees Celsius of each day, rounded to a tenth."""
    found = []
    last, before = 0.0, 0.0
    for day in range(num_days):
        season = MEAN - AMPLITUDE * math.cos(2 * math.pi * (day - COLDEST_DAY) / 365.25)
        last, before = MEMORY[0] * last + MEMORY[1] * before + generator.gauss(0, SURPRISE), last
        found.append(round(season + last, 1))
    return found


def arrow(change: float) -> str:
    """A day's change in one sign, doubled where it is large."""
    if change >= 0:
        return "⇈" if change >= LARGE else "↑"
    return "⇊" if change <= -LARGE else "↓"


def stretches(series: list[float], generator: random.Random) -> list[tuple[str, str]]:
    """Different arrows and what they come to, as often warmer as colder as the same."""
    found: dict[str, str] = {}
    wanted = dict.fromkeys(("warmer", "colder", "same"), NUM_STRETCHES // 3)
    while any(wanted.values()):
        start = generator.randrange(len(series) - STRETCH_DAYS[1])
        days = series[start : start + generator.randint(*STRETCH_DAYS)]
        arrows = "".join(arrow(after - before) for before, after in pairwise(days))
        change = days[-1] - days[0]
        trend = "same" if abs(change) < SAME else "warmer" if change > 0 else "colder"
        if wanted[trend] and arrows not in found:
            wanted[trend] -= 1
            found[arrows] = trend
    return list(found.items())


def main(folder: Path) -> None:
    """Write both files."""
    generator = random.Random(1)
    series = temperatures(NUM_DAYS, generator)
    first = datetime.date(2015, 1, 1)
    with (folder / "celsius.csv").open("w", encoding="utf-8", newline="\n") as stream:
        stream.write("date,celsius\n")
        for number, celsius in enumerate(series):
            stream.write(f"{first + datetime.timedelta(days=number)},{celsius}\n")
    with (folder / "changes.tsv").open("w", encoding="utf-8", newline="\n") as stream:
        stream.write("changes\ttrend\n")
        stream.writelines(f"{arrows}\t{trend}\n" for arrows, trend in stretches(series, generator))


if __name__ == "__main__":
    main(Path(__file__).parent)
