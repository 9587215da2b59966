"""What ONVIF clients asked is shown with the operation, the code and the reason."""

from transcoder.api.onvif_metrics import onvif_metrics
from transcoder.control import OnvifNumbers


def test_every_number_is_shown() -> None:
    numbers = OnvifNumbers(
        requests={"GetProfiles": 3},
        faults={"ter:NotAuthorized": 2},
        refused_logins={"wrong": 1, "replayed": 4},
        subscriptions=5,
        dropped_messages=6,
        aborted=7,
        questions=8,
        refused_questions=9,
    )
    shown = {
        (sample.name, *sample.labels.values()): sample.value
        for family in onvif_metrics(numbers)
        for sample in family.samples
    }
    assert shown == {
        ("transcoder_onvif_requests_total", "GetProfiles"): 3,
        ("transcoder_onvif_faults_total", "ter:NotAuthorized"): 2,
        ("transcoder_onvif_refused_logins_total", "wrong"): 1,
        ("transcoder_onvif_refused_logins_total", "replayed"): 4,
        ("transcoder_onvif_subscriptions",): 5,
        ("transcoder_onvif_dropped_messages_total",): 6,
        ("transcoder_onvif_aborted_connections_total",): 7,
        ("transcoder_onvif_questions_total",): 8,
        ("transcoder_onvif_refused_questions_total",): 9,
    }
