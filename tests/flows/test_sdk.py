import ast
import gc
import threading
import time

import pytest

from flows.sdk import parse_one_at_a_time

STATEMENTS = "a = [1, (2, 3), f(4)]\n" * 2000


def test_two_threads_parse_at_once_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ast, "parse", ast.parse)
    parse_one_at_a_time()
    parsed: list[int] = []
    threads = [threading.Thread(target=lambda: parsed.append(len(ast.parse(STATEMENTS).body))) for _ in range(4)]

    def let_others_run(phase: str, _info: dict[str, int]) -> None:
        time.sleep(0.0002)

    gc.callbacks.append(let_others_run)
    usual = gc.get_threshold()
    gc.set_threshold(50)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(let_others_run)
    assert parsed == [2000] * 4
