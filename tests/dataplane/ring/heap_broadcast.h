// A broadcast ring on the heap, with its writer and any number of readers.
#pragma once

#include <cstring>
#include <span>
#include <vector>

#include "dataplane/ring/broadcast.h"

extern "C" {
#include "dataplane/client/broadcast.h"
}

namespace vs::test {

inline constexpr BroadcastShape kSmallBroadcast{.channel = 3, .data_bytes_log2 = VS_RING_BYTES_LOG2_MIN};

class HeapBroadcast {
 public:
  explicit HeapBroadcast(BroadcastShape shape = kSmallBroadcast)
      : header_(make_broadcast_header(shape)), pages_(header_.bytes / VS_PAGE_BYTES) {
    std::memcpy(pages_.data(), &header_, sizeof header_);
  }

  [[nodiscard]] const vs_broadcast_header& header() const { return header_; }
  [[nodiscard]] std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(pages_)); }
  [[nodiscard]] BroadcastWriter writer(std::uint64_t first = 1) { return {bytes(), header_, first}; }
  [[nodiscard]] vs_broadcast_index& index() {
    return *reinterpret_cast<vs_broadcast_index*>(&bytes()[header_.index_offset]);
  }
  [[nodiscard]] vs_record& record(std::size_t offset = 0) {
    return *reinterpret_cast<vs_record*>(&bytes()[header_.data_offset + offset]);
  }

 private:
  struct alignas(VS_PAGE_BYTES) Page {
    std::byte bytes[VS_PAGE_BYTES];
  };
  vs_broadcast_header header_;
  std::vector<Page> pages_;
};

// A reader with room for what it reads.
struct BroadcastReader {
  explicit BroadcastReader(std::span<const std::byte> memory, bool with_latest = false,
                           std::uint64_t next = 0) {
    status = vs_broadcast_attach(&reader, memory.data(), memory.size(), with_latest, next);
    if (status == 0) into.resize(vs_broadcast_payload_max(&reader) / sizeof(std::uint64_t) + 1);
  }
  int read() { return status = vs_broadcast_read(&reader, into.data(), &record); }
  [[nodiscard]] std::span<const std::byte> payload() const { return std::as_bytes(std::span(into)).first(record.bytes); }
  [[nodiscard]] std::string text() const { return {reinterpret_cast<const char*>(into.data()), record.bytes}; }

  vs_broadcast_reader reader{};
  vs_broadcast_record record{};
  std::vector<std::uint64_t> into;
  int status = 0;
};

inline std::span<const std::byte> bytes_of_text(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace vs::test
