from clearml_flows.localserver.registry import Call, endpoint
from clearml_flows.localserver.tokens import API_VERSION, SERVER_VERSION
from clearml_flows.localserver.wire import Json


@endpoint("server.info")
def info(call: Call) -> Json:
    """Return the server version, and the newest API version and server id for recent clients."""
    answer = {"version": SERVER_VERSION, "build": "", "commit": ""}
    if call.version >= (2, 8):
        answer["uid"] = "localserver"
    if call.version >= (2, 12):
        answer["api_version"] = API_VERSION
    return answer


@endpoint("server.report_stats_option")
def report_stats_option(_: Call) -> Json:
    """Report that usage statistics are not supported. This server sends none."""
    return {"supported": False}
