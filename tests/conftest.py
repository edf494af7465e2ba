"""Which tests go to the same process, where there are several (`make test` has four: pytest-xdist).

Those of a file share what its fixtures built; those of the training share a training, but for the paper's comparison,
which needs little of it; those of the page share a service and a page. (pytest-xdist's own `loadgroup` does nothing
under pytest 9.2: its issue 1386.)
"""

import gc
import os
from pathlib import PurePosixPath

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

TRAINING = PurePosixPath("tests/training")
PAPER = TRAINING / "paper"
PAGE = PurePosixPath("tests/ui")

LONG = (
    "tests/benchmarks/peers/test_peers.py::test_a_peer_is_given",
    "tests/benchmarks/peers/test_peers.py::test_a_peer_that_cannot_be_installed",
    "tests/benchmarks/test_command_line.py::test_the_whole_command",
    "tests/benchmarks/test_compare.py::test_the_real_service",
    "tests/benchmarks/test_service.py::test_the_real_service",
    "tests/benchmarks/test_images.py::test_distinct_files",
    "tests/benchmarks/test_soak.py::test_the_whole_command",
    "tests/benchmarks/test_stops.py::test_a_stop_of_the_real_service",
    "tests/dermoscopy/test_lesion.py::test_the_lesion_of_real",
    "tests/docs/test_commands.py::test_what_it_says_can_be_done_and_comes_out[docs/how-to/dicom",
    "tests/docs/test_commands.py::test_what_it_says_can_be_done_and_comes_out[docs/how-to/folders",
    "tests/docs/test_commands.py::test_what_it_says_can_be_done_and_comes_out[docs/how-to/keys",
    "tests/docs/test_commands.py::test_what_it_says_can_be_done_and_comes_out[docs/how-to/versions",
    "tests/fuzz/test_runner.py::test_a_process_that_dies",
    "tests/gateway/test_killed.py",
    "tests/model_store/test_runtime_tensorflow.py::test_threads_are_limited",
    "tests/service/audit/test_moves.py::test_the_command_line",
    "tests/service/test_asking_in_processes.py::test_the_helpers_end",
    "tests/service/test_asking_remote.py::test_a_rate_that_is_used_up",
    "tests/service/test_bundled_heatmap.py",
    "tests/service/test_bundled_on_real_images.py::test_the_public_test_split",
    "tests/service/test_cli_images.py::test_killed_it_goes_on",
    "tests/service/test_metrics_ended.py::test_processes_that_die",
    "tests/service/test_outlet.py::test_a_log_that_nobody_reads_keeps_a_service_neither_from_answering_nor_from_ending[2]",
    "tests/service/test_protocol.py::test_who_takes_an_answer_slowly",
    "tests/service/test_readiness.py::test_while_nobody_is_let_in_neither_calls_it_ready[2]",
    "tests/service/test_readiness.py::test_while_what_stable_names_is_refused_neither_calls_it_ready[2]",
    "tests/service/test_readiness.py::test_with_an_empty_store_neither_calls_it_ready[2]",
    "tests/service/test_supervisor.py::test_that_they_keep_dying",
    "tests/service/test_trials_apart.py::test_of_several_processes",
    "tests/test_own_images.py::test_a_fifth",
    "tests/test_own_images.py::test_the_version",
    "tests/training/accelerator/test_efficientnet_lite.py::test_it_is_the_network",
    "tests/training/accelerator/test_learn.py",
    "tests/training/accelerator/test_learned.py",
    "tests/training/accelerator/test_network.py",
    "tests/training/accelerator/test_pictures.py",
    "tests/training/paper/",
    "tests/training/test_accelerator_commands.py::test_what_was_learned_without_a_source",
    "tests/training/test_backbone.py::test_it_is_the_same_function",
    "tests/training/test_bfloat16.py",
    "tests/training/test_cli.py::test_the_module_runs",
    "tests/training/test_commands_evaluate.py::test_every_runtime_finds_the_figures_of_the_manifest_again[openvino]",
    "tests/training/test_depths.py::test_consistency",
    "tests/training/test_depths.py::test_what_is_learned_fits",
    "tests/training/test_duplicates.py::test_the_real_originals",
    "tests/training/test_fit.py::test_a_killed_run",
    "tests/training/test_fit.py::test_a_step_takes_the_sides",
    "tests/training/test_fit.py::test_each_epoch_has_its_consistency",
    "tests/training/test_options.py",
    "tests/training/test_outside.py::test_the_command",
    "tests/training/test_several.py::test_a_stop",
    "tests/training/test_several.py::test_two_processes",
    "tests/training/test_workers.py::test_two_processes",
)
"""Beginnings of the names of tests that take long; `make test-long` runs them too."""


class ByFolder(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Gives a group of tests to one process, the groups in the order of the tests."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return str(_group(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFolder:
    """Asked by pytest-xdist."""
    return ByFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts first what takes longest, or one process would wait for it in the end; leaves out what takes too long."""
    if "TEST_LONG" not in os.environ:
        for item in items:
            if item.nodeid.startswith(LONG):
                item.add_marker(pytest.mark.skip(reason="NOT RUN: it takes long; make test-long runs it"))
    first = (TRAINING, PAGE, PAPER)
    items.sort(key=lambda item: first.index(group) if (group := _group(item.nodeid)) in first else len(first))


def pytest_collection_finish() -> None:
    """What was imported for the tests stays: whoever collects garbage, as Streamlit does after each script, need not
    look at the millions of objects that TensorFlow and others are made of."""
    gc.collect()
    gc.freeze()


def _group(nodeid: str) -> PurePosixPath:
    """The nearest of the folders, else the file."""
    file = PurePosixPath(nodeid.partition("::")[0])
    return next((folder for folder in file.parents if folder in (PAPER, TRAINING, PAGE)), file)
