"""Error answers of the API. Handlers raise them, and `wire.failure` builds the envelope.

ApiError                     500/0
├── BadRequest               400/0    the body or the path is not a request
├── InvalidId                400/10
├── MissingFields            400/11   a field that another one needs
├── ValidationError          400/12   a field is missing or has the wrong type
├── LookupFailed             400/14   a field name that the entity does not have
├── UndefinedFields          400/14   a field name in `only_fields` that does not exist
├── FieldsConflict           400/15
├── InvalidFields            400/16   a value that the field cannot take
├── EmptyBatch               400/17   a batch without requests
├── InvalidPattern           400/21   not a regular expression
├── InvalidAccessKey         400/75
├── InvalidTaskId            400/101
├── InvalidTaskStatus        400/110
├── MissingTaskFields        400/122
├── TaskInUse                400/123  needs force
├── EventsNotAdded           400/131
├── NotAReport               400/150
├── AllRunsSelected          400/160  at least one run of a pipeline must remain
├── InvalidModelId           400/201
├── ModelIsReady             400/203
├── ModelInUse               400/205  needs force
├── ModelCreatingTaskExists  400/206  needs force
├── InvalidUser              400/300
├── InvalidUserId            400/301
├── InvalidPreferences       400/305
├── InvalidProjectId         400/401
├── ProjectHasTasks          400/402  needs force
├── ProjectHasModels         400/405  needs force
├── ProjectHasDatasets       400/406  needs force
├── InvalidProjectName       400/407
├── CannotUpdateLocation     400/408  use projects.move
├── ProjectPathTooDeep       400/409
├── SameProject              400/410
├── ProjectUnderItself       400/411
├── ProjectIntoItsChild      400/412
├── ProjectHasPipelines      400/413  needs force
├── InvalidQueueId           400/701
├── QueueNotEmpty            400/702
├── TaskNotQueued            400/703
├── TaskAlreadyQueued        400/706
├── NoDefaultQueue           400/707
├── MultipleDefaultQueues    400/708
├── WorkerRegistrationFailed 400/1002
├── WorkerStatsNotFound      400/1005
├── DataValidationError      400/800  a name that is too short
├── InvalidScrollId          400/1104 an id from another server or endpoint
├── Duplicate                400/801
│   └── DuplicateProject     400/801
├── Unauthorized             401/20
│   ├── BadAuthorization     401/10
│   ├── InvalidCredentials   401/22
│   └── InvalidToken         401/30
├── Forbidden                403/20
│   └── NoWritePermission    403/21   a public document
├── UnknownEndpoint          404/0
└── NotSupported             301/1    only clients of an older API may call the endpoint
"""

from typing import Any


class ApiError(Exception):
    """An error answer of the API.

    The message is `msg (detail): key=value, …` with the given parts.

    Attributes:
        code: HTTP status. Never above 500, because the SDK retries these without end.
        subcode: ClearML's error number.
        keeps: True if the changes made before the error stay, for a partly refused request.
    """

    keeps = False
    code = 500
    subcode = 0
    msg = "General data error"

    def __init__(self, detail: str = "", **values: Any) -> None:
        text = f"{self.msg} ({detail})" if detail else self.msg
        if values:
            text += ": " + ", ".join(f"{key}={_shown(value)}" for key, value in values.items())
        super().__init__(text)
        self.values = {key: _plain(value) for key, value in values.items()}


def _plain(value: Any) -> Any:
    """Return the value as JSON types."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (str, int, float)) else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple, set, frozenset)):
        return "(" + ", ".join(str(item) for item in value) + ")"
    return str(value)


class BadRequest(ApiError):
    """The request is malformed. The message is the given text without a prefix."""

    code = 400
    msg = "The browser (or proxy) sent a request that this server could not understand."

    def __init__(self, message: str = "") -> None:
        super().__init__()
        if message:
            self.args = (message,)


class MissingFields(ApiError):
    code, subcode, msg = 400, 11, "Missing required fields"


class InvalidId(ApiError):
    code, subcode, msg = 400, 10, "Invalid object id"


class ValidationError(ApiError):
    code, subcode, msg = 400, 12, "Validation error"


class LookupFailed(ApiError):
    code, subcode, msg = 400, 14, "Lookup error (probably an invalid field name or unsupported nested field)"


class UndefinedFields(ApiError):
    code, subcode, msg = 400, 14, "Fields not defined for object"


class FieldsConflict(ApiError):
    code, subcode, msg = 400, 15, "Conflicting fields"


class InvalidFields(ApiError):
    code, subcode, msg = 400, 16, "Invalid value for fields"


class EmptyBatch(ApiError):
    code, subcode, msg = 400, 17, "Batch request contains no items"


class InvalidPattern(ApiError):
    code, subcode, msg = 400, 21, "Malformed regular expression"


class InvalidAccessKey(ApiError):
    code, subcode, msg = 400, 75, "Access key not found"


class InvalidTaskId(ApiError):
    code, subcode, msg = 400, 101, "Invalid task id"


class InvalidTaskStatus(ApiError):
    code, subcode, msg = 400, 110, "Invalid task status"


class MissingTaskFields(ApiError):
    code, subcode, msg = 400, 122, "Task is missing expected fields"


class TaskInUse(ApiError):
    code, subcode, msg = 400, 123, "Task cannot be deleted"


class EventsNotAdded(ApiError):
    code, subcode, msg = 400, 131, "Events not added"


class NotAReport(ApiError):
    code, subcode, msg = 400, 150, "Passed task is not report"


class AllRunsSelected(ApiError):
    code, subcode, msg = 400, 160, "At least one pipeline run should be left"


class InvalidModelId(ApiError):
    code, subcode, msg = 400, 201, "Invalid model id"


class ModelIsReady(ApiError):
    code, subcode, msg = 400, 203, "Model is ready"


class ModelInUse(ApiError):
    code, subcode, msg = 400, 205, "Model is used by tasks"


class ModelCreatingTaskExists(ApiError):
    code, subcode, msg = 400, 206, "Task that created this model exists"


class InvalidUser(ApiError):
    code, subcode, msg = 400, 300, "Invalid user"


class InvalidUserId(ApiError):
    code, subcode, msg = 400, 301, "Invalid user id"


class InvalidPreferences(ApiError):
    code, subcode, msg = 400, 305, "Malformed key and/or value"


class InvalidProjectId(ApiError):
    code, subcode, msg = 400, 401, "Invalid project id"


class ProjectHasTasks(ApiError):
    code, subcode, msg = 400, 402, "Project has associated tasks"


class ProjectHasModels(ApiError):
    code, subcode, msg = 400, 405, "Project has associated models"


class ProjectHasDatasets(ApiError):
    code, subcode, msg = 400, 406, "Project has associated non-empty datasets"


class InvalidProjectName(ApiError):
    code, subcode, msg = 400, 407, "Invalid project name"


class CannotUpdateLocation(ApiError):
    code, subcode, msg = 400, 408, "Cannot update project location. Use projects.move instead"


class ProjectPathTooDeep(ApiError):
    code, subcode, msg = 400, 409, "Project path exceed the maximum allowed depth"


class SameProject(ApiError):
    code, subcode, msg = 400, 410, "Project has the same source and destination paths"


class ProjectUnderItself(ApiError):
    code, subcode, msg = 400, 411, "Project can not be moved under itself in the projects hierarchy"


class ProjectIntoItsChild(ApiError):
    code, subcode, msg = 400, 412, "Project can not be merged into its own child"


class ProjectHasPipelines(ApiError):
    code, subcode, msg = 400, 413, "Project has associated pipelines with active controllers"


class InvalidQueueId(ApiError):
    code, subcode, msg = 400, 701, "Invalid queue id"


class QueueNotEmpty(ApiError):
    code, subcode, msg = 400, 702, "Queue is not empty"


class TaskNotQueued(ApiError):
    code, subcode, msg = 400, 703, "Invalid queue id or task not in queue"


class TaskAlreadyQueued(ApiError):
    code, subcode, msg = 400, 706, "Failed adding task to queue since task is already queued"


class NoDefaultQueue(ApiError):
    code, subcode, msg = 400, 707, "No queue is tagged as the default queue for this company"


class MultipleDefaultQueues(ApiError):
    code, subcode, msg = 400, 708, "More than one queue is tagged as the default queue for this company"


class WorkerRegistrationFailed(ApiError):
    code, subcode, msg = 400, 1002, "Worker registration failed"


class WorkerStatsNotFound(ApiError):
    code, subcode, msg = 400, 1005, "Worker stats not found"


class InvalidScrollId(ApiError):
    code, subcode, msg = 400, 1104, "Invalid scroll id"


class DataValidationError(ApiError):
    code, subcode, msg = 400, 800, "Data validation error"


class Duplicate(ApiError):
    code, subcode, msg = 400, 801, "Value combination already exists"


class DuplicateProject(Duplicate):
    msg = "Project with the same name already exists"


class Unauthorized(ApiError):
    code, subcode, msg = 401, 20, "Unauthorized (missing credentials)"


class BadAuthorization(Unauthorized):
    subcode, msg = 10, "Unauthorized (bad authentication header type)"


class InvalidCredentials(Unauthorized):
    subcode, msg = 22, "Unauthorized (invalid credentials)"


class InvalidToken(Unauthorized):
    subcode, msg = 30, "Invalid token"


class Forbidden(ApiError):
    code, subcode, msg = 403, 20, "Forbidden"


class NoWritePermission(Forbidden):
    subcode, msg = 21, "Forbidden (modification not allowed)"


class NotSupported(ApiError):
    code, subcode = 301, 1
    msg = "This endpoint is no longer supported for the requested api version"


class UnknownEndpoint(ApiError):
    code = 404

    def __init__(self, name: str, version: str) -> None:
        super().__init__()
        self.args = (f"Unable to find endpoint for name {name} and version {version}",)
