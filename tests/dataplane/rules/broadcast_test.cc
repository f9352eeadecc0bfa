// Rule S-14: who reads a broadcast ring judges a length before it copies by it, and looks after the copy whether the writer was
// there meanwhile. The writer laps the reader between any two of its instructions: it runs in a process of its own and is
// stopped after each of them in turn.
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/ring/broadcast.h"

extern "C" {
#include "dataplane/client/broadcast.h"
}

namespace vs::test {
namespace {

constexpr std::uint16_t kEvent = VS_RECORD_SERVICE;
constexpr std::size_t kWords = 5;
constexpr int kInstructionsMax = 200'000;  // of one read, also with sanitizers; more is a loop

// What the reader's process made of it, in memory that both have.
struct Verdict {
  int status;
  vs_broadcast_record record;
  std::uint64_t words[64];
};

struct Stage {
  Stage() {
    void* mapped = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(mapped, MAP_FAILED);
    memory = {static_cast<std::byte*>(mapped), kBytes};
    std::memcpy(mapped, &header, sizeof header);
  }
  ~Stage() { ::munmap(memory.data(), memory.size()); }
  Stage(const Stage&) = delete;

  [[nodiscard]] Verdict& verdict() { return *reinterpret_cast<Verdict*>(&memory[header.bytes]); }

  vs_broadcast_header header = make_broadcast_header({.channel = 1, .data_bytes_log2 = VS_RING_BYTES_LOG2_MIN});
  std::span<std::byte> memory;
  static constexpr std::size_t kBytes = 2 * VS_PAGE_BYTES + (std::size_t{1} << VS_RING_BYTES_LOG2_MIN) + VS_PAGE_BYTES;
};

// Each word of a record is its sequence number, so a mixture of two shows.
void write(BroadcastWriter& writer, std::size_t words = kWords) {
  const std::vector<std::uint64_t> payload(words, writer.next_sequence());
  writer.write(kEvent, {std::as_bytes(std::span(payload))});
}

// Laps whoever stands at the beginning, with records of other lengths.
void lap(BroadcastWriter& writer) {
  for (std::size_t n = 0; n < 40; ++n) write(writer, 1 + n % 50);
}

[[noreturn]] void read_one(Stage& stage) {
  vs_broadcast_reader reader;
  if (vs_broadcast_attach(&reader, stage.memory.data(), stage.header.bytes, false, 1) != 0) ::_exit(1);
  reader.at = 0;  // the first record
  ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  ::raise(SIGSTOP);
  Verdict& verdict = stage.verdict();
  verdict.status = vs_broadcast_read(&reader, verdict.words, &verdict.record);
  ::raise(SIGUSR1);
  ::_exit(0);
}

// Lets it take one step; false when it has read.
bool step(pid_t reader) {
  EXPECT_EQ(::ptrace(PTRACE_SINGLESTEP, reader, nullptr, nullptr), 0);
  int status = 0;
  EXPECT_EQ(::waitpid(reader, &status, 0), reader);
  EXPECT_TRUE(WIFSTOPPED(status)) << status;
  return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

// Runs a reader that is lapped after `before` instructions; false when it had read before.
bool read_lapped_after(int before, Verdict& verdict) {
  Stage stage;
  BroadcastWriter writer(stage.memory, stage.header);
  write(writer);
  write(writer);
  const pid_t reader = ::fork();
  if (reader == 0) read_one(stage);
  int status = 0;
  EXPECT_EQ(::waitpid(reader, &status, 0), reader);
  EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP) << "the kernel lets no process be stepped here";
  bool reading = true;
  for (int taken = 0; reading && taken < before; ++taken) reading = step(reader);
  if (reading) {
    lap(writer);
    ::ptrace(PTRACE_CONT, reader, nullptr, nullptr);
    EXPECT_EQ(::waitpid(reader, &status, 0), reader);
    EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGUSR1) << status;
  }
  verdict = stage.verdict();
  ::kill(reader, SIGKILL);
  ::waitpid(reader, &status, 0);
  return reading;
}

TEST(RuleS14, AReaderLappedAtAnyInstructionReadsTheOldRecordOrANewOneAndNeverAMixture) {
  int stride = 1;
  int torn = 0;
  int old = 0;
  int fresh = 0;
  for (int before = 0; before < kInstructionsMax; before += stride) {
    Verdict verdict{};
    if (!read_lapped_after(before, verdict)) break;
    ASSERT_EQ(verdict.status, 1) << "after " << before << " instructions";
    ASSERT_LE(verdict.record.bytes, sizeof verdict.words);
    for (std::size_t word = 0; word < verdict.record.bytes / 8; ++word) torn += verdict.words[word] != verdict.record.sequence;
    ASSERT_EQ(torn, 0) << "after " << before << " instructions, of record " << verdict.record.sequence;
    ++(verdict.record.sequence == 1 ? old : fresh);
    EXPECT_EQ(verdict.record.missed, verdict.record.sequence - 1);
    if (before == 600) stride = 41;  // more than plain code has: with a sanitizer, a sample of them
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_GT(old, 0);
  EXPECT_GT(fresh, 10);
}

}  // namespace
}  // namespace vs::test
