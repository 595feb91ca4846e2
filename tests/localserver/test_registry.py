import pytest

from clearml_flows.localserver import services
from clearml_flows.localserver.registry import ENDPOINTS, Call, endpoint
from clearml_flows.localserver.wire import Json


def test_a_name_has_one_handler() -> None:
    services.load()

    def second(_: Call) -> Json:
        return {}

    before = dict(ENDPOINTS)
    with pytest.raises(ValueError, match=r"debug\.ping has two handlers"):
        endpoint("debug.ping")(second)
    assert before == ENDPOINTS
