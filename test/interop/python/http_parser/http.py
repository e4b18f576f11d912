"""Stands in for the package http-parser, as far as pymesos uses it: an incremental parser of one HTTP/1.1 response.

As strict as the real one about what a server must not do: a malformed status line, header or chunk is an error.
"""

import re

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?$")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$")
_SIZE = re.compile(rb"([0-9a-fA-F]+)[ \t]*(?:;.*)?$")


class _Malformed(Exception):
    pass


class HttpParser(object):
    def __init__(self):
        self._pending = b""
        self._body = []
        self._headers = {}
        self._status = 0
        self._errno = 0
        self._headers_complete = False
        self._complete = False
        self._step = self._status_line
        # Bytes of the body, or of the chunk at hand, that are still to come; None: until the end of the connection.
        self._left = None

    def execute(self, data, length):
        """Takes bytes; returns how many were understood."""
        if self._errno:
            return 0
        self._pending += bytes(data[:length])
        try:
            while not self._complete and self._step():
                pass
        except _Malformed:
            self._errno = 1
            return 0
        return length

    def _line(self):
        end = self._pending.find(b"\r\n")
        if end < 0:
            if b"\n" in self._pending:
                raise _Malformed()
            return None
        line, self._pending = self._pending[:end], self._pending[end + 2:]
        return line

    def _match(self, pattern, line):
        found = pattern.match(line)
        if not found:
            raise _Malformed()
        return found

    def _status_line(self):
        line = self._line()
        if line is None:
            return False
        self._status = int(self._match(_STATUS, line).group(1))
        self._step = self._header
        return True

    def _header(self):
        line = self._line()
        if line is None:
            return False
        if line:
            name, value = self._match(_HEADER, line).groups()
            self._headers[name.decode("ascii")] = value.decode("latin-1")
            return True
        self._headers_complete = True
        if self.is_chunked():
            self._step = self._chunk_size
        else:
            length = self._lower().get("content-length")
            self._left = None if length is None else int(length)
            self._complete = self._left == 0
            self._step = self._plain_body
        return True

    def _plain_body(self):
        return self._take()

    def _chunk_size(self):
        line = self._line()
        if line is None:
            return False
        self._left = int(self._match(_SIZE, line).group(1), 16)
        self._step = self._chunk if self._left > 0 else self._trailer
        return True

    def _chunk(self):
        if self._left > 0:
            return self._take()
        if len(self._pending) < 2:
            return False
        if self._pending[:2] != b"\r\n":
            raise _Malformed()
        self._pending = self._pending[2:]
        self._step = self._chunk_size
        return True

    def _trailer(self):
        line = self._line()
        if line is None:
            return False
        self._complete = line == b""
        return True

    def _take(self):
        size = len(self._pending) if self._left is None else min(self._left, len(self._pending))
        if size == 0:
            return False
        self._body.append(self._pending[:size])
        self._pending = self._pending[size:]
        if self._left is not None:
            self._left -= size
            self._complete = self._left == 0 and not self.is_chunked()
        return True

    def _lower(self):
        return {name.lower(): value for name, value in self._headers.items()}

    def get_errno(self):
        return self._errno

    def get_status_code(self):
        return self._status

    def get_headers(self):
        return self._headers

    def is_headers_complete(self):
        return self._headers_complete

    def is_chunked(self):
        return self._lower().get("transfer-encoding", "").lower() == "chunked"

    def is_partial_body(self):
        return bool(self._body)

    def is_message_complete(self):
        return self._complete

    def recv_body(self):
        body, self._body = b"".join(self._body), []
        return body
