// The 9P server, told messages as bytes: what it answers, what it refuses, and how much of it a client may have.
#include "dataplane/files/server.h"

#include <fcntl.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace vs::files {
namespace {

// A file that answers when it is told to.
class SlowFile final : public File {
 public:
  SlowFile() : File("slow", true) {}
  std::unique_ptr<OpenFile> open() override;
  std::vector<std::string> written;
  std::vector<OpenFile::Answer> waiting;
};

class OpenSlow final : public OpenFile {
 public:
  explicit OpenSlow(SlowFile& file) : file_(file) {}
  int write(std::string_view bytes) override {
    if (bytes == "no") return EINVAL;
    file_.written.emplace_back(bytes);
    return 0;
  }
  void read(std::uint64_t /*offset*/, std::size_t /*bytes_max*/, Answer answer) override {
    file_.waiting.push_back(std::move(answer));
  }

 private:
  SlowFile& file_;
};

std::unique_ptr<OpenFile> SlowFile::open() { return std::make_unique<OpenSlow>(*this); }

struct Heard {
  int type;
  std::uint16_t tag;
  std::vector<std::byte> body;
  [[nodiscard]] int error() const { return type == 7 ? static_cast<int>(Parser(body).u32()) : 0; }
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    EXPECT_EQ(ask(Writer(100, kNoTag).u32(65536).text("9P2000.L")).type, 101);
    EXPECT_EQ(ask(Writer(104, 1).u32(1).u32(kNoFid).text("").text("").u32(0)).type, 105);
  }

  Result<> tell(Writer& message) {
    return server.take(message.finish(), [this](std::span<const std::byte> answer) {
      Parser fields(answer);
      EXPECT_EQ(fields.u32(), answer.size());
      const int type = fields.u8();
      heard.push_back({type, fields.u16(), {answer.begin() + kHeaderBytes, answer.end()}});
    });
  }
  // The answer that comes at once; of type 0 when there is none.
  Heard ask(Writer& message) {
    heard.clear();
    EXPECT_TRUE(tell(message));
    return heard.empty() ? Heard{} : heard.front();
  }
  Heard ask(Writer&& message) { return ask(message); }

  std::uint32_t open_slow(std::uint32_t fid, std::uint32_t flags = O_RDWR) {
    EXPECT_EQ(ask(Writer(110, 2).u32(1).u32(fid).u16(1).text("slow")).type, 111);
    EXPECT_EQ(ask(Writer(12, 2).u32(fid).u32(flags)).type, 13);
    return fid;
  }
  Heard read(std::uint32_t fid, std::uint16_t tag) { return ask(Writer(116, tag).u32(fid).u64(0).u32(100)); }

  std::shared_ptr<SlowFile> slow = std::make_shared<SlowFile>();
  Tree tree{slow};
  ServerCounts counts;
  Server server{tree, 16384, counts};
  std::vector<Heard> heard;
};

TEST_F(ServerTest, AgreesOnTheSmallerMessage) {
  EXPECT_EQ(server.message_bytes_max(), 16384u);
  EXPECT_EQ(ask(Writer(100, kNoTag).u32(8192).text("9P2000.L")).type, 101);
  EXPECT_EQ(server.message_bytes_max(), 8192u);
  EXPECT_EQ(server.fids(), 0u) << "a new version begins anew";
  EXPECT_EQ(ask(Writer(100, kNoTag).u32(100).text("9P2000.L")).error(), EMSGSIZE);
  const Heard other = ask(Writer(100, kNoTag).u32(8192).text("9P2000"));
  Parser fields(other.body);
  fields.u32();
  EXPECT_EQ(fields.text(), "unknown");
  EXPECT_EQ(ask(Writer(104, 1).u32(1).u32(kNoFid).text("").text("").u32(0)).error(), EPROTO);
}

TEST_F(ServerTest, AnswersAReadWhenTheFileDoesAndOthersMeanwhile) {
  open_slow(5);
  EXPECT_EQ(read(5, 10).type, 0);
  EXPECT_EQ(read(5, 11).type, 0);
  EXPECT_EQ(ask(Writer(24, 12).u32(1).u64(0x7ff)).type, 25);
  heard.clear();
  slow->waiting.at(1)(0, "second");
  slow->waiting.at(0)(ETIMEDOUT, {});
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[0].tag, 11);
  EXPECT_EQ(Parser(heard[0].body).u32(), 6u);
  EXPECT_EQ(heard[1].tag, 10);
  EXPECT_EQ(heard[1].error(), ETIMEDOUT);
}

TEST_F(ServerTest, TakesAReadBackThatIsFlushed) {
  open_slow(5);
  read(5, 10);
  EXPECT_EQ(ask(Writer(108, 11).u16(10)).type, 109);
  EXPECT_EQ(server.pending(), 0u);
  EXPECT_EQ(read(5, 10).type, 0) << "its tag is free again";
  heard.clear();
  slow->waiting.at(0)(0, "late");
  EXPECT_TRUE(heard.empty());
  slow->waiting.at(1)(0, "in time");
  EXPECT_EQ(heard.size(), 1u);
}

TEST_F(ServerTest, EndsReadsOfAFileThatIsClosed) {
  open_slow(5);
  read(5, 10);
  heard.clear();
  Writer clunk(120, 11);
  clunk.u32(5);
  ASSERT_TRUE(tell(clunk));
  ASSERT_EQ(heard.size(), 2u);
  EXPECT_EQ(heard[0].error(), EBADF);
  EXPECT_EQ(heard[1].type, 121);
  slow->waiting.at(0)(0, "late");
  EXPECT_EQ(heard.size(), 2u);
}

TEST_F(ServerTest, WritesWholeMessagesAndSaysWhatTheFileSays) {
  open_slow(5);
  EXPECT_EQ(ask(Writer(118, 10).u32(5).u64(99).u32(5).bytes("hello")).type, 119);
  EXPECT_EQ(ask(Writer(118, 10).u32(5).u64(0).u32(2).bytes("no")).error(), EINVAL);
  EXPECT_EQ(slow->written, std::vector<std::string>{"hello"});
  open_slow(6, O_RDONLY);
  EXPECT_EQ(ask(Writer(118, 10).u32(6).u64(0).u32(2).bytes("hi")).error(), EBADF);
  open_slow(7, O_WRONLY);
  EXPECT_EQ(read(7, 10).error(), EBADF);
}

TEST_F(ServerTest, JudgesEveryField) {
  open_slow(5);
  EXPECT_EQ(ask(Writer(118, 10).u32(5).u64(0).u32(6).bytes("hello")).error(), EPROTO) << "fewer bytes than it says";
  EXPECT_EQ(ask(Writer(118, 10).u32(5).u64(0).u32(4).bytes("hello")).error(), EPROTO) << "more";
  EXPECT_EQ(ask(Writer(110, 10).u32(1).u32(9).u16(17)).error(), EPROTO) << "too many names";
  EXPECT_EQ(ask(Writer(110, 10).u32(1).u32(9).u16(2).text("slow")).error(), EPROTO) << "fewer names than it says";
  EXPECT_EQ(ask(Writer(110, 10).u32(1).u32(5).u16(0)).error(), EINVAL) << "a fid that is in use";
  EXPECT_EQ(ask(Writer(110, 10).u32(1).u32(kNoFid).u16(0)).error(), EINVAL);
  EXPECT_EQ(ask(Writer(104, 10).u32(8).u32(3).text("").text("").u32(0)).error(), EINVAL) << "an authorised fid";
  EXPECT_EQ(ask(Writer(12, 10).u32(5).u32(0)).error(), EINVAL) << "open already";
  EXPECT_EQ(ask(Writer(116, 10).u32(5)).error(), EPROTO);
  EXPECT_EQ(ask(Writer(122, 10).u32(5)).error(), EPERM) << "nothing is removed";
  EXPECT_EQ(ask(Writer(120, 10).u32(5)).error(), EBADF) << "but the fid is";
}

TEST_F(ServerTest, EndsAConnectionThatIsOutOfStep) {
  Writer honest(120, 3);
  honest.u32(77);
  const auto bytes = honest.finish();
  const Server::Send nobody = [](std::span<const std::byte>) { ADD_FAILURE(); };
  EXPECT_FALSE(server.take(bytes.first(6), nobody));
  EXPECT_FALSE(server.take(bytes.first(bytes.size() - 1), nobody));
  open_slow(5);
  read(5, 10);
  Writer twice(120, 10);
  twice.u32(1);
  EXPECT_FALSE(tell(twice)) << "a tag that waits";
}

TEST_F(ServerTest, LimitsWhatAClientHas) {
  open_slow(1000000);
  int error = 0;
  std::uint32_t fid = 2;
  while (error == 0) error = ask(Writer(110, 2).u32(1).u32(fid++).u16(0)).error();
  EXPECT_EQ(error, ENFILE);
  EXPECT_EQ(server.fids(), kFidsMax);
  std::uint16_t tag = 100;
  Heard last;
  while ((last = read(1000000, tag)).type == 0) ++tag;
  EXPECT_EQ(last.error(), EAGAIN);
  EXPECT_EQ(server.pending(), kPendingMax);
  EXPECT_EQ(counts.refused, 2u);
}

TEST_F(ServerTest, AnswersNothingOnceItIsGone) {
  auto other = std::make_unique<Server>(tree, 16384, counts);
  int answers = 0;
  const Server::Send count = [&](std::span<const std::byte>) { ++answers; };
  const auto say = [&](Writer&& message) { EXPECT_TRUE(other->take(message.finish(), count)); };
  say(std::move(Writer(100, kNoTag).u32(65536).text("9P2000.L")));
  say(std::move(Writer(104, 1).u32(1).u32(kNoFid).text("").text("").u32(0)));
  say(std::move(Writer(110, 2).u32(1).u32(5).u16(1).text("slow")));
  say(std::move(Writer(12, 2).u32(5).u32(O_RDONLY)));
  say(std::move(Writer(116, 10).u32(5).u64(0).u32(100)));
  EXPECT_EQ(answers, 4);
  other.reset();
  slow->waiting.at(0)(0, "late");
  EXPECT_EQ(answers, 4);
}

}  // namespace
}  // namespace vs::files
