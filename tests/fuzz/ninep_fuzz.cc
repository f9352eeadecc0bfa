// A guest that writes what it likes into a ring of Xen's 9pfs, against the real ring and the real 9P server.
//
// The input is a program: an operation a byte, its operands behind it. Whatever comes: nothing outside the memory is touched, every
// answer is a whole message that fits, and a ring that was found broken is not used again.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "dataplane/files/server.h"
#include "dataplane/transport/xen/ninepfs_ring.h"
#include "tests/fuzz/program.h"

namespace vs {
namespace {

using fuzz::Program;

constexpr std::size_t kOperationsMax = 512;
constexpr std::size_t kDataBytes = 2 * 8192;
constexpr std::size_t kReadersMax = 64;

// A file that keeps what was written, and answers at once or later.
class Kept final : public files::File {
 public:
  explicit Kept(std::string name) : File(std::move(name), true) {}
  std::unique_ptr<files::OpenFile> open() override { return std::make_unique<Opened>(*this); }

  std::vector<files::OpenFile::Answer> waiting;

 private:
  class Opened final : public files::OpenFile {
   public:
    explicit Opened(Kept& kept) : kept_(kept) {}
    int write(std::string_view bytes) override {
      text_ = bytes;
      return bytes.empty() ? 22 : 0;
    }
    void read(std::uint64_t offset, std::size_t bytes_max, Answer answer) override {
      VS_CHECK(bytes_max < kDataBytes);
      if (text_.size() % 2 == 0 || kept_.waiting.size() >= kReadersMax) return answer(0, files::slice(text_, offset, bytes_max));
      kept_.waiting.push_back(std::move(answer));
    }

   private:
    Kept& kept_;
    std::string text_;
  };
};

struct Play {
  void serve() {
    if (broken) return;
    for (;;) {
      const auto taken = ring.take(ring.message_bytes_max());
      if (!taken) {
        broken = true;
        return;
      }
      if (!*taken) return ring.publish_taken();
      VS_CHECK((*taken)->size() >= files::kHeaderBytes && (*taken)->size() <= kDataBytes / 2);
      const auto done = server.take(**taken, [this](std::span<const std::byte> answer) {
        VS_CHECK(answer.size() >= files::kHeaderBytes && answer.size() <= server.message_bytes_max());
        ring.put(answer);
        if (!ring.flush()) broken = true;
      });
      ring.publish_taken();
      broken = broken || !done;
      if (broken) return;
    }
  }

  // A message of which only the header is surely one.
  void say(Program& program) {
    files::Writer writer(program.next<std::uint8_t>(), program.next<std::uint16_t>());
    const auto body = program.bytes(program.next<std::uint8_t>());
    writer.bytes({reinterpret_cast<const char*>(body.data()), body.size()});
    put(writer.finish());
  }

  void greet() {
    put(files::Writer(100, files::kNoTag).u32(8192).text("9P2000.L").finish());
    put(files::Writer(104, 1).u32(0).u32(files::kNoFid).text("").text("").u32(0).finish());
    put(files::Writer(110, 2).u32(0).u32(1).u16(1).text("a").finish());
    put(files::Writer(12, 2).u32(1).u32(2).finish());
  }

  void put(std::span<const std::byte> bytes) {
    for (const std::byte one : bytes) (*data)[kDataBytes / 2 + (page->out_prod++ & (kDataBytes / 2 - 1))] = one;
  }

  void answer_one(std::uint8_t which) {
    if (first->waiting.empty()) return;
    const auto at = first->waiting.begin() + which % static_cast<int>(first->waiting.size());
    const auto answer = std::move(*at);
    first->waiting.erase(at);
    answer(which % 3 == 0 ? 110 : 0, which % 3 == 0 ? std::string_view() : std::string_view("an answer"));
  }

  std::unique_ptr<NinePfsPage> page = std::make_unique<NinePfsPage>();
  std::unique_ptr<std::array<std::byte, kDataBytes>> data = std::make_unique<std::array<std::byte, kDataBytes>>();
  NinePfsRing ring{page.get(), *data};
  std::shared_ptr<Kept> first = std::make_shared<Kept>("a");
  files::Tree tree{first, std::make_shared<Kept>("b")};
  files::ServerCounts counts;
  files::Server server{tree, kDataBytes / 2, counts};
  bool broken = false;
};

}  // namespace
}  // namespace vs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  vs::fuzz::Program program({bytes, size});
  vs::Play play;
  if (program.next<std::uint8_t>() % 4 != 0) play.greet();
  for (std::size_t i = 0; i < vs::kOperationsMax && !program.empty(); ++i) {
    switch (program.next<std::uint8_t>() % 8) {
      case 0:
      case 1:
      case 2: play.say(program); break;
      case 3: play.serve(); break;
      case 4: play.answer_one(program.next<std::uint8_t>()); break;
      case 5: play.page->in_cons = play.page->in_prod; break;
      case 6: {  // anything, anywhere in the page
        const std::size_t at = program.next<std::uint8_t>() % 33;
        const auto value = program.next<std::uint32_t>();
        std::memcpy(reinterpret_cast<std::byte*>(play.page.get()) + 4 * at, &value, sizeof value);
        break;
      }
      case 7: {  // rubbish in the stream
        const auto rubbish = program.bytes(program.next<std::uint8_t>());
        play.put(rubbish);
        break;
      }
    }
  }
  play.serve();
  VS_CHECK(play.server.fids() <= vs::files::kFidsMax && play.server.pending() <= vs::files::kPendingMax);
  return 0;
}
