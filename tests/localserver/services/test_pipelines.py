from tests.support.api import Api


def test_a_pipeline_starts_again_as_a_clone_with_other_arguments(api: Api) -> None:
    item = {"section": "Args", "name": "lr", "value": "1", "type": "float"}
    source = api.task("a pipeline", type="controller", hyperparams={"Args": {"lr": item}})
    queue = api.queue()
    answer = api("pipelines.start_pipeline", task=source, queue=queue, args=[{"name": "lr", "value": "2"}])
    assert answer["enqueued"]
    document = api.read(answer["pipeline"])
    assert (document["name"], document["type"], document["status"]) == ("a pipeline", "controller", "queued")
    assert document["hyperparams"]["Args"]["lr"] == {**item, "value": "2"}
    assert api.read(source)["hyperparams"]["Args"]["lr"]["value"] == "1"
    assert api("queues.peek_task", queue=queue) == {"task": answer["pipeline"]}
