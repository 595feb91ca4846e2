from clearml_flows.localserver.services.memory import Memory


def test_a_value_is_forgotten_when_its_time_is_over() -> None:
    now = [0.0]
    memory: Memory[str] = Memory(seconds=10, most=5, clock=lambda: now[0])
    memory.keep("a", "first")
    now[0] = 6
    memory.keep("b", "second")
    assert memory.get("a") == "first"
    now[0] = 10
    assert (memory.get("a"), memory.get("b")) == (None, "second")
    memory.keep("b", "third")
    now[0] = 19
    assert memory.get("b") == "third"


def test_the_oldest_values_make_room() -> None:
    memory: Memory[int] = Memory(seconds=10, most=2, clock=lambda: 0.0)
    for number in (1, 2, 1, 3):
        memory.keep(str(number), number)
    assert [memory.get(name) for name in ("1", "2", "3")] == [1, None, 3]
