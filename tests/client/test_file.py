"""TokenFile: private, atomic, locked across processes."""

import fcntl
import multiprocessing
import os
import stat
import threading
import warnings

import httpx
import pytest

from drf_lanyard.client import LanyardAuth, TokenFile, Tokens, TokenStoreError

from .fake import API, BASE, PASSWORD, FakeServer

TOKENS = Tokens(server=BASE, session="1", access="access-secret-0", refresh="refresh-secret:1:0")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "app" / "tokens.json"


@pytest.fixture
def file(path):
    return TokenFile(path)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def save(file, tokens=TOKENS):
    with file.lock():
        file.save(tokens)


def test_what_is_saved_is_loaded(file):
    assert file.load() is None
    save(file)
    assert file.load() == TOKENS
    with file.lock():
        file.clear()
        file.clear()
    assert file.load() is None


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_file_and_folders_are_private_whatever_the_umask(tmp_path, path, file, umask):
    if umask == 0o777 and os.geteuid() != 0:
        pytest.skip("only root can enter the folders that this umask makes")
    old = os.umask(umask)
    try:
        save(file)
        save(file)
    finally:
        os.umask(old)
    assert mode(path) & 0o077 == 0
    assert mode(path.parent) & 0o077 == 0
    assert mode(tmp_path / "config") & 0o077 == 0
    assert mode(path.with_name("tokens.json.lock")) & 0o077 == 0


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o602, 0o666])
def test_a_file_that_others_can_touch_is_refused(path, file, bits):
    save(file)
    path.chmod(bits)
    with pytest.raises(TokenStoreError, match=f"{path}.*{bits:04o}.*chmod 600"):
        file.load()


def test_a_file_of_another_user_is_refused(path, file, monkeypatch):
    save(file)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(TokenStoreError, match="another user"):
        file.load()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"refresh": 5}', b"\xff\xfe", b'{"refresh": "refresh-secret"}']
)
def test_a_damaged_file_is_a_clear_error_that_shows_no_content(path, file, content):
    save(file)
    path.write_bytes(content)
    with pytest.raises(TokenStoreError, match="not a token file; delete it and sign in again") as caught:
        file.load()
    assert "refresh-secret" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_folder_in_the_place_of_the_file(path, file):
    path.mkdir(parents=True)
    with pytest.raises(TokenStoreError):
        file.load()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    file = TokenFile(tmp_path / "file" / "tokens.json")
    with pytest.raises(TokenStoreError, match="Cannot lock"), file.lock():
        pass


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_crash_while_saving_leaves_the_old_tokens_and_the_next_save_works(file, monkeypatch, step):
    save(file)
    newer = Tokens(server=BASE, session="1", access="b", refresh="refresh-secret:1:1")

    def crash(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(TokenFile, "_write", crash)
        else:
            patch.setattr(os, step, crash)
        with pytest.raises(KeyboardInterrupt):
            save(file, newer)
    assert file.load() == TOKENS
    save(file, newer)
    assert file.load() == newer


def test_contents_reach_the_disk_before_the_name_and_the_name_after(file, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor):
        order.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def spy_replace(source, target):
        order.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    save(file)
    assert order == ["file", "replace", "folder"]
    order.clear()
    save(TokenFile(file.path, fsync=False))
    assert order == ["replace"]


def test_a_disk_error_is_a_clear_error(file, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TokenStoreError, match=r"Cannot write .*No space left"):
        save(file)


def test_the_lock_excludes_threads_with_another_object_on_the_same_path(path, file):
    held = threading.Event()
    done = threading.Event()

    def hold():
        with TokenFile(path).lock():
            held.set()
            done.wait(timeout=30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(timeout=30)
    with pytest.raises(TokenStoreError, match="for too long"), TokenFile(path, lock_timeout=0).lock():
        pass
    done.set()
    thread.join()
    with TokenFile(path, lock_timeout=0).lock():
        pass


def test_the_lock_is_free_again_although_a_forked_child_lives_on(path, file):
    """A child inherits the open lock file; closing ours without unlocking would leave the lock with the child."""
    reader, writer = os.pipe()
    with file.lock():
        with warnings.catch_warnings(action="ignore"):  # Python 3.12 warns when any thread is alive
            child = os.fork()
        if child == 0:
            os.read(reader, 1)
            os._exit(0)
    try:
        with TokenFile(path, lock_timeout=0).lock():
            pass
    finally:
        os.write(writer, b"x")
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)


def _race(path, url, barrier, results):
    auth = LanyardAuth(f"{url}/auth/", TokenFile(path, fsync=False))
    with httpx.Client(auth=auth) as client:
        barrier.wait(timeout=60)
        results.put(client.get(f"{url}/api/posts/").status_code)


def test_processes_share_one_refresh(path, http_server):
    """Two processes find the same token expired at the same moment: one refreshes, both go on with its result."""
    url, server = http_server
    LanyardAuth(f"{url}/auth/", TokenFile(path, fsync=False)).login("alice", PASSWORD)
    spawn = multiprocessing.get_context("spawn")
    for number in range(1, 4):
        server.expire_access()
        server.meet_at_401 = threading.Barrier(2)
        barrier, results = spawn.Barrier(2), spawn.Queue()
        processes = [spawn.Process(target=_race, args=(path, url, barrier, results)) for _ in range(2)]
        for process in processes:
            process.start()
        assert [results.get(timeout=60) for _ in processes] == [200, 200]
        for process in processes:
            process.join(timeout=60)
        assert len(server.refreshes) == number
    assert server.alive


def _die_after_the_answer(path, url):
    auth = LanyardAuth(
        f"{url}/auth/", TokenFile(path), on_step=lambda step: os._exit(9) if step == "answered" else None
    )
    auth.refresh()


def test_a_process_that_dies_in_a_refresh_frees_the_lock_and_leaves_its_key(path, http_server):
    url, server = http_server
    file = TokenFile(path, fsync=False)
    LanyardAuth(f"{url}/auth/", file).login("alice", PASSWORD)
    process = multiprocessing.get_context("spawn").Process(target=_die_after_the_answer, args=(path, url))
    process.start()
    process.join(timeout=60)
    assert process.exitcode == 9
    assert server.counter == 1
    kept = file.load()
    assert kept is not None and kept.idempotency_key == server.keys[0]
    LanyardAuth(f"{url}/auth/", TokenFile(path, lock_timeout=0)).refresh()
    assert server.keys[0] == server.keys[1]
    assert server.alive


def test_a_restarted_command_uses_the_stored_access_token(path):
    server = FakeServer()
    for _ in range(3):
        auth = LanyardAuth(BASE, TokenFile(path, fsync=False), client=httpx.Client(transport=server))
        if not auth.signed_in:
            auth.login("alice", PASSWORD)
        assert httpx.Client(transport=server, auth=auth).get(API).status_code == 200
    assert server.refreshes == []
    assert len(server.calls("/auth/login/")) == 1


def test_the_lock_is_an_flock_beside_the_file(path, file):
    with file.lock():
        descriptor = os.open(path.with_name("tokens.json.lock"), os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
