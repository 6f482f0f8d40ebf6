"""Downloads: whole or not at all, whatever the network does. All over a server on this machine."""

import multiprocessing
import os
import re
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import published, serving

from lessons_lib.datasets import cache, download, official
from lessons_lib.datasets.cache import DatasetUnavailable
from lessons_lib.datasets.download import Patience, fetch

CONTENT = bytes(range(256)) * 200  # 51,200 bytes
NAME = "images.gz"
HURRIED = Patience(rounds=3, timeout_s=0.5, pause_s=0.01, grace_s=0.3)


def silent(name: str, done_bytes: int, total_bytes: int) -> None:
    """No progress wanted."""


def get(file, folder, patience=HURRIED, progress=silent):
    return fetch(file, folder, progress=progress, patience=patience)


@pytest.fixture
def server():
    with serving(CONTENT) as running:
        yield running


@pytest.fixture
def dead_address():
    """An address at which nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_a_file_arrives_whole_and_nothing_else_is_left_but_the_lock(server, tmp_path):
    path = get(published(NAME, CONTENT, server.address), tmp_path)
    assert path.read_bytes() == CONTENT
    assert {entry.name for entry in tmp_path.iterdir()} == {NAME, f"{NAME}.lock"}


def test_a_file_that_is_there_is_not_fetched_again(server, tmp_path):
    (tmp_path / NAME).write_bytes(CONTENT)
    get(published(NAME, CONTENT, server.address), tmp_path)
    assert server.ranges == []


def test_a_broken_connection_is_resumed_where_it_broke(server, tmp_path):
    server.drop_after = [20_000, 10_000]
    path = get(published(NAME, CONTENT, server.address), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=20000-", "bytes=30000-"]


def test_a_part_left_by_an_earlier_session_is_continued(server, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT[:40_000])
    path = get(published(NAME, CONTENT, server.address), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.ranges == ["bytes=40000-"]


def test_a_part_that_is_already_whole_is_checked_and_put_in_place(server, tmp_path):
    (tmp_path / f"{NAME}.part").write_bytes(CONTENT)
    assert get(published(NAME, CONTENT, server.address), tmp_path).read_bytes() == CONTENT
    assert server.ranges == []


@pytest.mark.parametrize("rubbish", [b"x" * 40_000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 1)])
def test_a_part_that_holds_something_else_is_thrown_away(server, tmp_path, rubbish):
    (tmp_path / f"{NAME}.part").write_bytes(rubbish)
    assert get(published(NAME, CONTENT, server.address), tmp_path).read_bytes() == CONTENT


def test_a_server_without_ranges_starts_again(server, tmp_path):
    server.ignore_range = True
    server.drop_after = [20_000]
    assert get(published(NAME, CONTENT, server.address), tmp_path).read_bytes() == CONTENT


def test_a_server_that_sends_another_range_is_not_believed(server, tmp_path):
    server.shifted_range = True
    server.drop_after = [20_000]
    with pytest.raises(DatasetUnavailable, match="another part of the file"):
        get(published(NAME, CONTENT, server.address), tmp_path)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(server, tmp_path, status):
    server.statuses = [status, status]
    assert get(published(NAME, CONTENT, server.address), tmp_path).read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_not_asked_for_again(server, tmp_path):
    server.statuses = [404] * 9
    with pytest.raises(DatasetUnavailable, match="answered 404"):
        get(published(NAME, CONTENT, server.address), tmp_path)
    assert len(server.ranges) == 1


def test_the_mirror_steps_in_when_the_home_is_dead(server, tmp_path, dead_address):
    file = published(NAME, CONTENT, dead_address, server.address)
    assert get(file, tmp_path).read_bytes() == CONTENT


def test_the_mirror_continues_what_a_slow_home_began(server, tmp_path):
    with serving(CONTENT) as home:
        home.pause_s = 0.05
        path = get(published(NAME, CONTENT, home.address, server.address), tmp_path)
    assert path.read_bytes() == CONTENT
    assert server.ranges[0].startswith("bytes=")


def test_a_slow_connection_is_good_enough_where_there_is_no_other(server, tmp_path):
    server.pause_s = 0.01  # half a second in all, more than the grace
    assert get(published(NAME, CONTENT, server.address), tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None]


def test_a_server_that_says_nothing_is_given_up(server, tmp_path):
    server.hang_s = 1.0
    patience = replace(HURRIED, timeout_s=0.1, rounds=2)
    with pytest.raises(DatasetUnavailable, match="timed out"):
        get(published(NAME, CONTENT, server.address), tmp_path, patience)


@pytest.mark.parametrize(
    "wrong", [CONTENT[:-1] + b"x", CONTENT + b"x", CONTENT[:-1], b"<html>please log in</html>", b""]
)
@pytest.mark.parametrize("hide_length", [False, True])
def test_wrong_content_never_reaches_the_cache(server, tmp_path, wrong, hide_length):
    server.content, server.hide_length = wrong, hide_length
    with pytest.raises(DatasetUnavailable):
        get(published(NAME, CONTENT, server.address), tmp_path)
    assert not (tmp_path / NAME).exists()


def test_wrong_content_from_home_does_not_spoil_what_the_mirror_sends(server, tmp_path):
    with serving(b"x" * len(CONTENT)) as home:
        assert get(published(NAME, CONTENT, home.address, server.address), tmp_path).read_bytes() == CONTENT


def test_an_md5_alone_does_not_pass(server, tmp_path):
    forged = replace(published(NAME, CONTENT, server.address), sha256="0" * 64)
    with pytest.raises(DatasetUnavailable, match="SHA-256"):
        get(forged, tmp_path)


def test_a_damaged_file_in_the_cache_is_set_aside_and_replaced(server, tmp_path):
    (tmp_path / NAME).write_bytes(b"half a file")
    assert get(published(NAME, CONTENT, server.address), tmp_path).read_bytes() == CONTENT
    assert (tmp_path / f"{NAME}.damaged").read_bytes() == b"half a file"


def test_an_interrupt_keeps_the_part_and_the_next_try_continues_it(server, tmp_path):
    def interrupt(name, done_bytes, total_bytes):
        if done_bytes > 30_000:
            raise KeyboardInterrupt

    server.content = bytes(range(256)) * 1200  # more than two pieces, so that an interrupted one is never the last
    file = published(NAME, server.content, server.address)
    with pytest.raises(KeyboardInterrupt):
        get(file, tmp_path, progress=interrupt)
    kept = (tmp_path / f"{NAME}.part").stat().st_size
    assert 30_000 < kept <= 30_000 + download.PIECE_BYTES < len(server.content)
    assert get(file, tmp_path).read_bytes() == server.content
    assert server.ranges[-1] == f"bytes={kept}-"


def test_progress_runs_from_nothing_to_everything(server, tmp_path):
    seen = []
    get(published(NAME, CONTENT, server.address), tmp_path, progress=lambda *event: seen.append(event))
    assert seen[0] == (NAME, 0, len(CONTENT))
    assert seen[-1] == (NAME, len(CONTENT), len(CONTENT))
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def test_progress_off_a_terminal_is_a_handful_of_lines(capsys):
    total = 100 * download.PIECE_BYTES
    for done in range(0, total + 1, download.PIECE_BYTES):
        download.report("archive", done, total)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5
    assert lines[-1] == "archive: 6.6 of 6.6 MB"


def test_progress_says_nothing_about_small_files(capsys):
    download.report("labels", 5000, 5000)
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for done in (0, 10**6, 2 * 10**6):
        download.report("archive", done, 2 * 10**6)
    assert capsys.readouterr().err.count("\n") == 1


def _fetch_in_a_process(address, folder, ready):
    ready.set()
    fetch(published(NAME, CONTENT, address), Path(folder), progress=silent, patience=HURRIED)


def test_two_processes_at_once_download_once_and_both_get_the_file(server, tmp_path):
    server.pause_s = 0.005
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    other = spawn.Process(target=_fetch_in_a_process, args=(server.address, str(tmp_path), ready))
    other.start()
    assert ready.wait(60)
    path = get(published(NAME, CONTENT, server.address), tmp_path)
    other.join(60)
    assert other.exitcode == 0
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None]


def test_threads_of_one_process_wait_for_each_other_too(server, tmp_path):
    server.pause_s = 0.002
    file, paths = published(NAME, CONTENT, server.address), []
    threads = [threading.Thread(target=lambda: paths.append(get(file, tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [path.read_bytes() for path in paths] == [CONTENT] * 3
    assert server.ranges == [None]


def test_a_full_disk_says_so(server, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(download, "_copy", full)
    with pytest.raises(DatasetUnavailable, match=r"cannot be written: .*[Ss]pace"):
        get(published(NAME, CONTENT, server.address), tmp_path)
    assert len(server.ranges) == 1


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """LESSONS_DATA and LESSONS_HOME in a folder of the test's own."""
    given, home = tmp_path / "given", tmp_path / "home"
    monkeypatch.setenv("LESSONS_DATA", str(given))
    monkeypatch.setenv("LESSONS_HOME", str(home))
    return given, home


LAYOUTS = ("some-data", "SomeData/raw", ".")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_in_the_data_folder_are_found_in_every_layout(folders, layout, dead_address):
    place = folders[0] / layout
    place.mkdir(parents=True)
    (place / NAME).write_bytes(CONTENT)
    paths, notes = official.obtain((published(NAME, CONTENT, dead_address),), LAYOUTS)
    assert paths[NAME].samefile(place / NAME)
    assert notes == []


def test_a_wrong_file_is_named_and_passed_over_for_a_right_one(folders):
    given, home = folders
    for root, content in ((given, b"x" * len(CONTENT)), (home / "data", CONTENT)):
        (root / "some-data").mkdir(parents=True)
        (root / "some-data" / NAME).write_bytes(content)
    paths, notes = official.obtain((published(NAME, CONTENT),), LAYOUTS)
    assert paths[NAME] == home / "data" / "some-data" / NAME
    assert len(notes) == 1
    assert str(given / "some-data" / NAME) in notes[0]
    assert "MD5" in notes[0]


def test_downloads_go_into_the_data_folder(folders, server):
    paths, _ = official.obtain((published(NAME, CONTENT, server.address),), LAYOUTS, progress=silent)
    assert paths[NAME] == folders[0] / "some-data" / NAME


def test_without_a_data_folder_downloads_go_into_the_home_folder(folders, server, monkeypatch):
    monkeypatch.delenv("LESSONS_DATA")
    paths, _ = official.obtain((published(NAME, CONTENT, server.address),), LAYOUTS, progress=silent)
    assert paths[NAME] == folders[1] / "data" / "some-data" / NAME


def test_a_data_folder_that_cannot_be_written_sends_downloads_home(folders, server):
    folders[0].write_text("a file where the folder should be: nobody, not even root, can write into it")
    paths, _ = official.obtain((published(NAME, CONTENT, server.address),), LAYOUTS, progress=silent)
    assert paths[NAME] == folders[1] / "data" / "some-data" / NAME


def test_where_nothing_can_be_written_the_message_says_so(folders, server):
    for folder in folders:
        folder.write_text("in the way")
    with pytest.raises(DatasetUnavailable, match="Set LESSONS_DATA to a folder that can"):
        official.obtain((published(NAME, CONTENT, server.address),), LAYOUTS)


def test_offline_the_message_says_what_to_put_where(folders, dead_address):
    files = tuple(published(name, name.encode(), dead_address) for name in ("a.gz", "b.gz"))
    with pytest.raises(DatasetUnavailable) as raised:
        official.obtain(files, LAYOUTS, patience=HURRIED)
    message = str(raised.value)
    for file in files:
        assert file.name in message
        assert file.md5 in message
        assert file.urls[0] in message
    assert str(folders[0] / "some-data") in message
    assert "LESSONS_DATA" in message
    assert re.search("no connection .*refused", message)


def test_offline_the_message_leaves_out_what_is_there(folders, dead_address):
    (folders[0] / "some-data").mkdir(parents=True)
    (folders[0] / "some-data" / "a.gz").write_bytes(b"a.gz")
    files = tuple(published(name, name.encode(), dead_address) for name in ("a.gz", "b.gz"))
    with pytest.raises(DatasetUnavailable) as raised:
        official.obtain(files, LAYOUTS, patience=HURRIED)
    assert "a.gz" not in str(raised.value)


def test_the_data_folder_may_be_given_with_a_tilde(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("LESSONS_DATA", "~/my data")
    assert cache.roots()[0] == tmp_path / "my data"
