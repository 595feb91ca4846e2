from clearml_flows.push.moved_links import Moved

A, B, C = ("a1" * 16, "b2" * 16, "c3" * 16)
HERE, THERE = "http://127.0.0.1:8901", "https://files.example.com"


def moved() -> Moved:
    return Moved({HERE: THERE}, frozenset({A, C}), {A: B})


def test_ids_and_addresses_move_wherever_they_stand() -> None:
    value = {A: [f"{HERE}/x.{A}/y", {"n": 1, "none": None}], "text": f'{{"task":"{A}"}}, {A}.'}
    assert moved()(value) == {B: [f"{THERE}/x.{B}/y", {"n": 1, "none": None}], "text": f'{{"task":"{B}"}}, {B}.'}


def test_what_only_looks_like_an_id_stays() -> None:
    text = f"{A}{A} {A}0 0{A} {'d4' * 16}"
    changer = moved()
    assert changer(text) == text
    assert changer.left == set()


def test_links_to_what_was_left_out_are_noted() -> None:
    changer = moved()
    assert changer(f"{A} and {C}") == f"{B} and {C}"
    assert changer.left == {C}
