// A table of answers from both sides: what is put there is found, for as long as it lasts, and nothing else ever is.
#include <sys/mman.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/ring/answers.h"

extern "C" {
#include "dataplane/client/answers.h"
}

#include "dataplane/transport/local/local_answers.h"

namespace vs {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

class AnswersTable : public testing::Test {
 protected:
  AnswersTable() : table_(std::move(*LocalAnswers::create(16))) { EXPECT_EQ(vs_answers_map(&mapped_, table_->memory()), 0); }
  ~AnswersTable() override { vs_answers_unmap(&mapped_); }
  void put(std::string_view key, std::string_view answer, std::chrono::nanoseconds stored = 10s, std::chrono::nanoseconds expires = 20s) {
    table_->writer().put(bytes(key), bytes(answer), stored, expires);
  }
  std::string find(std::string_view key, std::chrono::nanoseconds now = 15s) {
    vs_found_answer found;
    if (!vs_answers_find(&mapped_, key.data(), key.size(), static_cast<std::uint64_t>(now.count()), &found)) return "none";
    return std::string(reinterpret_cast<const char*>(found.answer), found.answer_bytes) + "/" + std::to_string(found.age_s);
  }
  vs_answer_slot* slots() { return reinterpret_cast<vs_answer_slot*>(&table_->bytes()[VS_PAGE_BYTES]); }

  std::unique_ptr<LocalAnswers> table_;
  vs_mapped_answers mapped_{};
};

TEST_F(AnswersTable, GivesWhatWasPutThere) {
  EXPECT_EQ(find("a"), "none");
  put("a", "one");
  put("abcdefgh", "two");
  EXPECT_EQ(find("a"), "one/5");
  EXPECT_EQ(find("abcdefgh"), "two/5");
  put("a", "three");
  EXPECT_EQ(find("a"), "three/5");
  EXPECT_EQ(find("b"), "none");
}

TEST_F(AnswersTable, GivesNothingBeforeOrAfterItsTime) {
  put("a", "one");
  EXPECT_EQ(find("a", 9s), "none") << "a clock that is not the writer's";
  EXPECT_EQ(find("a", 20s), "none");
}

TEST_F(AnswersTable, ForgetsOnCommandAndForWantOfRoom) {
  put("a", "one");
  table_->writer().remove(bytes("a"));
  EXPECT_EQ(find("a"), "none");
  for (int i = 0; i < 200; ++i) put(std::to_string(i), "x", 10s, std::chrono::seconds(20 + i));
  int there = 0;
  for (int i = 0; i < 200; ++i) there += find(std::to_string(i)) != "none" ? 1 : 0;
  EXPECT_EQ(there, 16);
  EXPECT_EQ(find("199"), "x/5") << "the soonest to end went first";
  table_->writer().clear();
  EXPECT_EQ(find("199"), "none");
}

TEST_F(AnswersTable, TakesWhatFitsASlotAndNoMore) {
  const std::string most(VS_ANSWER_DATA_BYTES - 8, 'm');
  put("a", most);
  EXPECT_EQ(find("a"), most + "/5");
  put("a", most + "x");
  EXPECT_EQ(find("a"), "none") << "not the one before, either";
}

TEST_F(AnswersTable, BelievesNoSlot) {
  put("a", "one");
  vs_answer_slot* slot = slots();
  while (slot->key_bytes == 0) ++slot;
  const vs_answer_slot good = *slot;
  slot->answer_bytes = UINT16_MAX;
  EXPECT_EQ(find("a"), "none");
  *slot = good;
  slot->sequence += 1;
  EXPECT_EQ(find("a"), "none") << "being written";
  *slot = good;
  slot->data[0] = 'b';
  EXPECT_EQ(find("a"), "none") << "another key of the same hash";
}

TEST_F(AnswersTable, IsReadOnlyForItsReader) {
  EXPECT_EQ(::mmap(nullptr, VS_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, table_->memory(), 0), MAP_FAILED);
}

TEST(AnswersHeader, IsJudged) {
  vs_answers_header good = make_answers_header(16);
  EXPECT_EQ(vs_judge_answers_header(&good, good.bytes), 0);
  EXPECT_NE(vs_judge_answers_header(&good, good.bytes - 1), 0);
  for (const auto spoil : std::initializer_list<void (*)(vs_answers_header&)>{
           [](vs_answers_header& h) { h.magic = 0; }, [](vs_answers_header& h) { h.major = 2; },
           [](vs_answers_header& h) { h.sets_log2 = 3; }, [](vs_answers_header& h) { h.sets_log2 = 64; },
           [](vs_answers_header& h) { h.slots_offset = 0; }, [](vs_answers_header& h) { h.slots_offset = 4097; },
           [](vs_answers_header& h) { h.slots_offset = 0xfffff000; }, [](vs_answers_header& h) { h.reserved = 1; }}) {
    vs_answers_header bad = good;
    spoil(bad);
    EXPECT_NE(vs_judge_answers_header(&bad, good.bytes), 0);
  }
}

// A reader meets the writer in the middle of everything, and sees whole answers.
TEST_F(AnswersTable, GivesOnlyWholeAnswersWhileTheyAreWritten) {
  std::atomic<bool> over{false};
  std::thread writer([&] {
    for (int i = 0; i < 20'000; ++i) put("a", std::string(200, static_cast<char>('a' + i % 26)));
    over = true;
  });
  std::uint64_t seen = 0;
  while (!over || seen == 0) {
    const std::string found = find("a");
    if (found == "none") continue;
    ++seen;
    ASSERT_EQ(found.find_first_not_of(found[0]), 200u);
  }
  writer.join();
}

}  // namespace
}  // namespace vs
