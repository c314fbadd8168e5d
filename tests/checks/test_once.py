from auditor.checks import _once
from auditor.checks._once import once


def test_the_work_is_done_once_for_one_object_and_anew_for_an_equal_one() -> None:
    done: list[list[int]] = []

    @once
    def total(items: list[int]) -> int:
        done.append(items)
        return sum(items)

    one, other = [1, 2], [1, 2]
    assert [total(one), total(one), total(other), total(one)] == [3, 3, 3, 3]
    assert [item is one for item in done] == [True, False]


def test_only_a_few_objects_are_kept() -> None:
    done: list[int] = []

    @once
    def first(items: list[int]) -> int:
        done.append(items[0])
        return items[0]

    many = [[number] for number in range(_once.KEPT + 1)]
    assert [first(items) for items in many] == list(range(_once.KEPT + 1))
    assert first(many[-1]) == _once.KEPT
    assert first(many[0]) == 0
    assert done == [*range(_once.KEPT + 1), 0]
