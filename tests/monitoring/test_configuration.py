import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.metrics import Metrics
from tests.monitoring.running_prometheus import running_prometheus
from tests.running_service import ROOT
from tests.service.exposed import Exposed

HERE = Path(__file__).parent
EXAMPLES = ("rules_test.yml", "drift_test.yml")
MONITORING = ROOT / "monitoring"
DASHBOARD = MONITORING / "grafana" / "dashboards" / "melanoserve.json"
RULES = MONITORING / "rules.yml"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: apt-get install prometheus)"
)

NAME = re.compile(r"\b(?:melanoserve|process)_[a-z_]+")
RECORDED = re.compile(r"melanoserve:[a-z_0-9:]+")
MATCHER = re.compile(r'(\w+)(?:=|!=|=~|!~)"([^"]*)"')


@pytest.fixture(scope="module")
def used() -> Metrics:
    """Metrics in which everything has happened at least once."""
    metrics = Metrics(None)
    happen(metrics)
    return metrics


def happen(metrics: Metrics) -> None:
    metrics.limits(64, 10**9)
    metrics.in_flight(2, 4_000)
    metrics.ready(True)
    metrics.versions([("classifier", 1, "serving"), ("classifier", 2, "refused"), ("grader", 1, "serving")])
    for decision, probability in (("benign", 0.1), ("malignant", 0.9), ("abstained", None)):
        metrics.request("/classify", 200, None, 0.03)
        metrics.decided("classifier", 1, decision, probability)
    metrics.request("/grade", 503, "not_ready", 0.001)
    metrics.request("/grade", 500, "internal_error", 0.5)
    for phase in ("receive", "decode", "wait", "run", "write"):
        metrics.phase(phase, 0.01)
    metrics.batch(2)
    metrics.graded(1, 2)


def expressions() -> dict[str, str]:
    """Every expression of the dashboard, with a time and a version in place of Grafana's variables."""
    values = {"$__rate_interval": "15s", "$model": "classifier", "$version": "1"}
    found = {}
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        for target in panel["targets"]:
            expression = target["expr"]
            for variable, value in values.items():
                expression = expression.replace(variable, value)
            assert "$" not in expression
            found[f"{panel['title']} {target['refId']}"] = expression
    return found


def rules() -> str:
    """The rules, without what is written for people."""
    lines = RULES.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("#", "summary:", "description:")))


def ran(*command: str | Path) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def test_every_metric_that_is_looked_at_exists_and_every_one_that_exists_is_looked_at(used: Metrics) -> None:
    exposed = {name for name, _ in Exposed(used.exposition("")[0]).samples}
    looked_at = set(NAME.findall(" ".join([rules(), *expressions().values()])))
    assert looked_at <= exposed

    def family(name: str) -> str:
        return re.sub(r"_(bucket|count|sum)$", "", name)

    unseen = {family(name) for name in exposed} - {family(name) for name in looked_at}
    assert unseen == {"melanoserve_build_info", "process_start_time_seconds"}


def test_every_label_value_that_is_looked_for_exists(used: Metrics) -> None:
    exposed: dict[str, set[str]] = {"job": {"melanoserve"}, "alertstate": {"firing"}}
    for _, labels in Exposed(used.exposition("")[0]).samples:
        for label, value in labels:
            exposed.setdefault(label, set()).add(value)
    exposed["alertname"] = set(re.findall(r"alert: (\w+)", rules()))
    for label, pattern in MATCHER.findall(" ".join([rules(), *expressions().values()])):
        assert any(re.fullmatch(pattern, value) for value in exposed[label]), (label, pattern)


def test_every_recorded_series_that_is_looked_at_is_recorded() -> None:
    recorded = set(re.findall(r"record: (\S+)", rules()))
    assert set(RECORDED.findall(" ".join([rules(), *expressions().values()]))) == recorded


def test_the_dashboard_asks_the_source_that_is_provisioned() -> None:
    source = (MONITORING / "grafana/provisioning/datasources/prometheus.yml").read_text("utf-8")
    uid = re.findall(r"^ +uid: (\S+)$", source, re.MULTILINE)
    dashboard = DASHBOARD.read_text("utf-8")
    assert set(re.findall(r'"datasource": \{\s+"type": "prometheus",\s+"uid": "(\w+)"', dashboard)) == set(uid)
    assert dashboard.count('"datasource"') == dashboard.count(f'"uid": "{uid[0]}"') - 1, "the dashboard has it too"


def test_no_panel_lies_on_another() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in json.loads(DASHBOARD.read_text("utf-8"))["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]


def test_every_alert_has_an_example() -> None:
    examples = "".join((HERE / name).read_text("utf-8") for name in EXAMPLES)
    for alert in re.findall(r"alert: (\w+)", rules()):
        fires = re.findall(rf"alertname: {alert}\n +eval_time: \S+\n +exp_alerts:(.*)\n", examples)
        assert "" in fires, f"no example makes {alert} fire"


@needs_promtool
def test_promtool_accepts_the_configuration_and_the_rules() -> None:
    assert "SUCCESS" in ran("promtool", "check", "config", MONITORING / "prometheus.yml")


@needs_promtool
@pytest.mark.parametrize("examples", EXAMPLES)
def test_alerts_fire_when_they_should(examples: str) -> None:
    assert "SUCCESS" in ran("promtool", "test", "rules", HERE / examples)


@needs_promtool
def test_promtool_finds_nothing_to_object_to_in_the_metrics(used: Metrics) -> None:
    linted = subprocess.run(
        ["promtool", "check", "metrics"], input=used.exposition("")[0], capture_output=True, timeout=60, check=False
    )
    assert (linted.returncode, linted.stderr) == (0, b"")


@needs_prometheus
def test_a_real_prometheus_scrapes_the_service_and_answers_every_panel(tmp_path: Path) -> None:
    metrics = Metrics(None)
    with running_prometheus(tmp_path, metrics, lambda: happen(metrics)) as prometheus:
        # The alerts look at a quarter of an hour and more; these need two scrapes, and rules that were evaluated since.
        prometheus.wait_for("rate(melanoserve_requests_total[15s]) > 0")
        prometheus.wait_for("melanoserve:malignant_share:1d")
        silent = {name for name, expression in expressions().items() if not prometheus.query(expression)}
        assert silent == {"Share called malignant, by version C"}, "only the 28 days before yesterday have nothing yet"
        assert prometheus.unhealthy_rules() == []
        assert prometheus.query('up{job="melanoserve"}') == [1]
        assert prometheus.query("melanoserve_ready") == [1]
