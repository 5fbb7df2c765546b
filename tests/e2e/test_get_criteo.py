"""scripts/get-criteo against a server on loopback: good, cut-off, restarted and wrong downloads; what it writes is read
by heter."""

import http.server
import io
import tarfile
import threading
import unittest

import e2e

LINES = 100_000
TEST_LINES = LINES // 7


def archive_of(text, name="dac_sample.txt"):
    """A .tar.gz with a file in it, as the public ones are."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as tar:
        for member, content in (("./readme.txt", b"terms\n"), (f"./{name}", text)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content`. Cuts off the first len(server.cuts) answers, each behind so many bytes of its own."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        offset = 0
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        if server.status != 200:
            self.send_error(server.status)
            return
        if wanted and server.resumes:
            offset = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if offset >= len(server.content):
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = server.content[offset:]
        self.send_response(206 if offset else 200)
        self.send_header("Content-Length", str(len(body)))
        if offset:
            self.send_header("Content-Range", f"bytes {offset}-{len(server.content) - 1}/{len(server.content)}")
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else len(body)
        self.close_connection = True
        try:
            self.wfile.write(body[:cut])
        except ConnectionError:
            pass  # the client had seen enough

    def log_message(self, *arguments):
        pass


class GetCriteo(e2e.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = b""

    def setUp(self):
        super().setUp()
        if not GetCriteo.text:
            GetCriteo.text = self.synth(LINES).read_bytes()
            GetCriteo.archive = archive_of(GetCriteo.text)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.content, self.server.status, self.server.resumes = GetCriteo.archive, 200, True
        self.server.cuts, self.server.ranges = [], []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/set.tar.gz"
        self.out = self.folder / "criteo"

    def tearDown(self):
        self.server.shutdown()
        self.server.server_close()
        super().tearDown()

    def get(self, *flags, check=True):
        return e2e.run_tool(e2e.SOURCE / "scripts" / "get-criteo", *flags, "--out", self.out, "--url", self.url,
                            check=check)

    def assertGood(self):
        lines = GetCriteo.text.splitlines(keepends=True)
        self.assertEqual((self.out / "train.tsv").read_bytes(), b"".join(lines[:-TEST_LINES]))
        self.assertEqual((self.out / "test.tsv").read_bytes(), b"".join(lines[-TEST_LINES:]))
        self.assertEqual([path.name for path in self.out.glob("*.part")], [])

    def assertFails(self, *expected, flags=()):
        result = self.get(*flags, check=False)
        self.assertEqual(result.returncode, 1, result.stderr)
        last = result.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("get-criteo: error: "), result.stderr)
        for text in expected:
            self.assertIn(text, last)
        self.assertNotIn("Traceback", result.stderr)
        self.assertFalse((self.out / "train.tsv").exists())
        self.assertFalse((self.out / "test.tsv").exists())
        self.assertFalse((self.out / "train.tsv.part").exists())

    def test_good(self):
        self.get()
        self.assertGood()
        self.assertEqual(self.server.ranges, [None])
        self.assertIn("are there already", self.get("quick").stderr)
        self.assertEqual(self.server.ranges, [None])
        package = self.compile("lr")
        _, summary, _ = self.train(package, self.out / "train.tsv", "--test", self.out / "test.tsv", "--batch-size", 512)
        self.assertEqual(summary["examples"], LINES - TEST_LINES)

    def test_cut_off_and_taken_up_again(self):
        self.server.cuts = [100_000, 50_000, 1]
        result = self.get()
        self.assertGood()
        self.assertEqual(self.server.ranges, [None, "bytes=100000-", "bytes=150000-", "bytes=150001-"])
        self.assertIn("going on behind 150,001 bytes", result.stderr)

    def test_goes_on_when_run_again(self):
        self.server.cuts = [100_000, 0]
        self.assertFails(f"{self.url}: cut off after 100,000 bytes", "run the same command again to go on")
        self.get()
        self.assertGood()
        self.assertEqual(self.server.ranges[-1], "bytes=100000-")

    def test_everything_was_there(self):
        self.out.mkdir()
        (self.out / "dac_sample.tar.gz.part").write_bytes(GetCriteo.archive)
        self.get()
        self.assertGood()

    def test_server_that_cannot_resume(self):
        self.server.resumes = False
        self.server.cuts = [100_000]
        self.get()
        self.assertGood()
        self.assertEqual(self.server.ranges, [None, "bytes=100000-"])

    def test_resumed_from_another_file(self):
        self.out.mkdir()
        (self.out / "dac_sample.tar.gz.part").write_bytes(GetCriteo.archive[:50_000] + b"x" * 1000)
        self.assertFails("dac_sample.tar.gz: the archive is damaged", "it has been removed: run the same command again")
        self.get()
        self.assertGood()

    def test_damaged_archive(self):
        damaged = bytearray(GetCriteo.archive)
        damaged[-8] ^= 1  # gzip's checksum of the text
        self.server.content = bytes(damaged)
        self.assertFails("the archive is damaged (CRC check failed")
        self.server.content = GetCriteo.archive[:-100_000]
        self.assertFails("the archive is damaged")

    def test_wrong_content(self):
        self.server.content = b"<!DOCTYPE html><p>Log in</p>"
        self.assertFails("expected a gzip archive, got a file that begins with b'<!DOCTYPE html><'")
        self.server.content = archive_of(GetCriteo.text, "other.txt")
        self.assertFails("holds no dac_sample.txt, but ./readme.txt, ./other.txt; it has been removed")

    def test_wrong_lines(self):
        lines = GetCriteo.text.splitlines(keepends=True)
        for wrong, expected in (
                (lines[:-1], "dac_sample.txt: expected 100,000 lines, got 99,999;"),
                (lines + lines[:1], "dac_sample.txt: expected 100,000 lines, got 100,001;"),
                ([lines[0], b"1\t2\n"], "dac_sample.txt:2: expected 40 columns separated by tabs, got 2"),
                ([lines[0][1:]], "dac_sample.txt:1: expected the label 0 or 1, got b''"),
                ([b"2" + lines[0][1:]], "dac_sample.txt:1: expected the label 0 or 1, got b'2'")):
            self.server.content = archive_of(b"".join(wrong))
            self.assertFails(expected)
            self.assertFalse((self.out / "dac_sample.tar.gz").exists())

    def test_full_set_has_one_size(self):
        self.assertFails(f"expected 4,576,820,670 bytes, the server offers {len(GetCriteo.archive):,}: this is another "
                         "file", flags=["full"])

    def test_server_says_no(self):
        self.server.status = 404
        self.assertFails("the server answers 404 Not Found; --url names another place")
        self.url = "http://127.0.0.1:1/"
        self.assertFails("http://127.0.0.1:1/: cannot be reached", "--url names another place")
        self.url = "criteo.tar.gz"
        self.assertFails("`criteo.tar.gz` is no URL")


if __name__ == "__main__":
    unittest.main()
