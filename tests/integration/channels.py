"""libvservice's channels for tests that are guests of their own: what vservice.h declares, as far as they need it."""

import ctypes
import errno

IN, OUT, GAP, ERROR, GONE, LEVEL = 1, 2, 4, 8, 16, 64


class Value(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("integer", ctypes.c_int64), ("real", ctypes.c_double), ("text", ctypes.c_char_p),
                ("text_bytes", ctypes.c_size_t)]


class Attribute(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", Value)]


class Event(ctypes.Structure):
    _fields_ = [("channel", ctypes.c_char_p), ("key", ctypes.c_char_p), ("content_type", ctypes.c_char_p), ("payload", ctypes.c_void_p),
                ("payload_bytes", ctypes.c_size_t), ("attributes", ctypes.POINTER(Attribute)), ("attribute_count", ctypes.c_size_t),
                ("expires_ms", ctypes.c_uint32), ("priority", ctypes.c_int), ("sequence", ctypes.c_uint64),
                ("published_ns", ctypes.c_uint64), ("missed", ctypes.c_uint64), ("retained", ctypes.c_int), ("again", ctypes.c_int)]


class Options(ctypes.Structure):
    _fields_ = [("pattern", ctypes.c_char_p), ("filter", ctypes.c_char_p), ("events_max", ctypes.c_uint32), ("bytes_max", ctypes.c_uint32),
                ("overflow", ctypes.c_int), ("retained", ctypes.c_int), ("adapt", ctypes.c_int)]


class Device:
    """An open device of kind pubsub."""

    def __init__(self, timeout_ms=60_000):
        self._library = ctypes.CDLL("libvservice.so.1")
        self._device = ctypes.c_void_p()
        self._insist(self._library.vs_open(b"pubsub", b"pubsub", timeout_ms, ctypes.byref(self._device)), "vs_open")

    @staticmethod
    def _insist(status, what):
        if status < 0:
            raise OSError(-status, f"{what}: {errno.errorcode.get(-status, status)}")
        return status

    def subscribe(self, pattern, text="", events=0):
        subscription = ctypes.c_void_p()
        options = Options(pattern=pattern.encode(), filter=text.encode(), events_max=events)
        self._insist(self._library.vs_channel_subscribe(self._device, ctypes.byref(options), 60_000, ctypes.byref(subscription)), pattern)

    def events(self, channel, count, payload):
        """So many equal events, for publish()."""
        self._payload = ctypes.create_string_buffer(payload, len(payload))
        one = dict(channel=channel.encode(), payload=ctypes.cast(self._payload, ctypes.c_void_p), payload_bytes=len(payload))
        return (Event * count)(*[Event(**one) for _ in range(count)])

    def publish(self, events, timeout_ms=1000):
        """How many were queued, or the negative errno of what was refused before."""
        return self._library.vs_channel_publish(self._device, events, len(events), timeout_ms)

    def fsync(self, timeout_ms=60_000):
        """0, or the negative errno."""
        return self._library.vs_channel_fsync(self._device, timeout_ms)

    def poll(self, wanted, timeout_ms):
        return self._insist(self._library.vs_channel_poll(self._device, wanted, timeout_ms), "vs_channel_poll")

    def level(self):
        return self._library.vs_level(self._device)
