from localserver.registry import Call, endpoint
from localserver.tokens import API_VERSION, SERVER_VERSION
from localserver.wire import Json


@endpoint("server.info")
def info(call: Call) -> Json:
    """The version; the newest API version and an id for clients that know of these."""
    answer = {"version": SERVER_VERSION, "build": "", "commit": ""}
    if call.version >= (2, 8):
        answer["uid"] = "localserver"
    if call.version >= (2, 12):
        answer["api_version"] = API_VERSION
    return answer


@endpoint("server.report_stats_option")
def report_stats_option(_: Call) -> Json:
    """Statistics of use are sent to nobody, so there is nothing to allow."""
    return {"supported": False}
