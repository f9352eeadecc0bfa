// A broadcast ring whose writer writes what it likes, against the real reader in C.
//
// The input is a program: an operation a byte, its operands behind it. Whatever comes: nothing outside the memory is touched, no
// read goes on for ever, what is read fits, sequence numbers only rise, and a reader that gave up stays so.
#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/check.h"
#include "dataplane/ring/broadcast.h"
#include "tests/fuzz/program.h"

extern "C" {
#include "dataplane/client/broadcast.h"
}

namespace vs {
namespace {

constexpr std::size_t kOperationsMax = 512;

using fuzz::Program;

// Exactly as large as the ring, so that AddressSanitizer stands behind its last byte; the room of the reader likewise.
struct Play {
  Play() {
    std::memset(memory.get(), 0, header.bytes);
    std::memcpy(memory.get(), &header, sizeof header);
  }

  std::span<std::byte> bytes() { return {memory.get(), header.bytes}; }
  vs_broadcast_index& index() { return *reinterpret_cast<vs_broadcast_index*>(memory.get() + header.index_offset); }

  void attach(bool with_latest, std::uint64_t next) {
    attached = vs_broadcast_attach(&reader, memory.get(), header.bytes, with_latest, next) == 0;
    last = 0;
    VS_CHECK(!attached || reader.size == std::uint32_t{1} << VS_RING_BYTES_LOG2_MIN);
  }

  void read() {
    if (!attached) return;
    const bool was_broken = reader.broken;
    vs_broadcast_record record{};
    const int status = vs_broadcast_read(&reader, into.get(), &record);
    VS_CHECK(status == 0 || status == 1 || status == -EAGAIN || status == -EPROTO);
    VS_CHECK(!was_broken || status == -EPROTO);
    if (status != 1) return;
    VS_CHECK(record.bytes <= vs_broadcast_payload_max(&reader) && record.type >= VS_RECORD_SERVICE);
    VS_CHECK(record.sequence > last);
    last = record.sequence;
  }

  vs_broadcast_header header = make_broadcast_header({.channel = 1, .data_bytes_log2 = VS_RING_BYTES_LOG2_MIN});
  std::unique_ptr<std::byte, decltype(&std::free)> memory{
      static_cast<std::byte*>(std::aligned_alloc(VS_PAGE_BYTES, header.bytes)), &std::free};
  std::unique_ptr<std::byte, decltype(&std::free)> into{
      static_cast<std::byte*>(std::aligned_alloc(16, 512 - 16)), &std::free};
  vs_broadcast_reader reader{};
  bool attached = false;
  std::uint64_t last = 0;
};

// A header of anything: refused, or one whose parts lie inside.
void judge(Program& program) {
  vs_broadcast_header header = make_broadcast_header({.channel = 1, .data_bytes_log2 = VS_RING_BYTES_LOG2_MIN});
  const std::size_t at = program.next<std::uint8_t>() % sizeof header;
  const auto value = program.next<std::uint64_t>();
  std::memcpy(reinterpret_cast<std::byte*>(&header) + at, &value, std::min(sizeof value, sizeof header - at));
  const std::uint64_t mapped = program.next<std::uint32_t>();
  if (vs_judge_broadcast_header(&header, mapped) != 0) return;
  VS_CHECK(header.bytes <= mapped);
  VS_CHECK(std::uint64_t{header.index_offset} + VS_PAGE_BYTES <= header.bytes);
  VS_CHECK(header.data_offset + (std::uint64_t{1} << header.data_bytes_log2) <= header.bytes);
}

void run(Program program) {
  Play play;
  BroadcastWriter honest(play.bytes(), play.header);
  const std::vector<std::byte> payload(honest.payload_bytes_max(), std::byte{0x55});
  for (std::size_t done = 0; done < kOperationsMax && !program.empty(); ++done) {
    switch (program.next<std::uint8_t>() % 8) {
      case 0: play.attach(program.next<std::uint8_t>() % 2 != 0, program.next<std::uint64_t>()); break;
      case 1: play.read(); break;
      case 2: {
        const std::size_t bytes = program.next<std::uint16_t>() % (payload.size() + 1);
        honest.write(VS_RECORD_SERVICE, {std::span(payload).first(bytes)});
        break;
      }
      case 3: play.index().tail = program.next<std::uint32_t>(); break;
      case 4: play.index().tail_intent = program.next<std::uint32_t>(); break;
      case 5: play.index().latest = program.next<std::uint32_t>(); break;
      case 6: {
        const std::size_t at = program.next<std::uint16_t>() % (std::size_t{1} << VS_RING_BYTES_LOG2_MIN);
        const auto value = program.next<std::uint64_t>();
        std::byte* to = play.memory.get() + play.header.data_offset + at / 8 * 8;
        std::memcpy(to, &value, sizeof value);
        break;
      }
      case 7: judge(program); break;
    }
  }
  for (int n = 0; n < 4; ++n) play.read();
}

}  // namespace
}  // namespace vs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vs::run(vs::Program({data, size}));
  return 0;
}
