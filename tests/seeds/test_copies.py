"""The copies are what the documents print, and all of it."""

import programs
import pytest

COUNTS = {"000": 4, "001": 23, "004": 1}


@pytest.mark.parametrize(("seed", "name"), [(seed, name) for seed in COUNTS for name in programs.names(seed)])
def test_a_copy_differs_from_the_printed_text_in_blanks_only(seed, name):
    copy = programs.path(seed, name).read_text()
    assert programs.without_blanks(copy) == programs.without_blanks(programs.printed(seed, name))


def test_every_printed_text_has_its_copy():
    for seed, count in COUNTS.items():
        assert len(programs.names(seed)) == len(list((programs.FOLDER / seed).glob("*.printed.txt"))) == count
