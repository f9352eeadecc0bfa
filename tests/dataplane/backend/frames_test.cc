// Answers that guests read in place: many readers, what comes back and what does not, and pools whose audience changes.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <fstream>

#include "dataplane/ring/consumer.h"
#include "dataplane/ring/producer.h"
#include "node.h"
#include "tests/fuzz/raw_guest.h"

extern "C" {
#include "dataplane/client/session.h"
}

namespace vs::test {
namespace {

constexpr FrameNeeds kSmall{.count = 8, .bytes = 300 << 10};  // of which a guest may hold 4

std::string_view text_of(const std::uint32_t& count) { return {reinterpret_cast<const char*>(&count), sizeof count}; }

// A frame, and that it is returned in the end.
struct Held {
  Held(Guest& asking, std::uint32_t count) : guest(asking) {
    status = vs_call_frame(guest.device(), kFrame, &count, sizeof count, 64, 20'000, &frame);
    if (status == 0 && frame.words_bytes == sizeof number) std::memcpy(&number, frame.words, sizeof number);
  }
  ~Held() { EXPECT_EQ(vs_frame_return(guest.device(), &frame), 0); }
  Held(const Held&) = delete;

  bool current() const { return vs_frame_current(guest.device(), &frame) == 1; }
  bool holds(std::uint32_t value) const {
    const auto* bytes = static_cast<const unsigned char*>(frame.data);
    return std::all_of(bytes, bytes + frame.bytes, [&](unsigned char byte) { return byte == static_cast<unsigned char>(value); });
  }

  Guest& guest;
  vs_frame frame{};
  std::uint32_t number = 0;
  int status;
};

class Frames : public testing::Test {
 protected:
  explicit Frames(FrameNeeds needs = kSmall) : node_(needs) { grant(); }

  // Grants the domains the device "echo", all but web1 with the usual terms.
  void grant(const std::vector<std::string>& domains = {"web1", "web2"}, control::Terms of_web1 = {}) {
    std::vector<control::BindingConfig> bindings;
    for (const auto& domain : domains)
      bindings.push_back({domain + "-echo", domain, "echo", "echo", true, domain == "web1" ? of_web1 : control::Terms{}});
    EXPECT_TRUE(node_.configure(bindings).problems.empty());
  }
  double pool(const std::string& name) { return node_.sample("vservices_pool_" + name); }
  double broken(const char* why) { return node_.sample("vservices_sessions_broken_total", "why", why); }

  Node node_;
};

class LargeFrames : public Frames {
 protected:
  LargeFrames() : Frames({.count = 4, .bytes = 4 << 20}) {}
};

TEST_F(LargeFrames, AreReadInPlace) {
  Guest guest(node_.home("web1"));
  for (const std::uint32_t bytes : {300u << 10, 4u << 20, 1u}) {
    const Held held(guest, bytes);
    ASSERT_EQ(held.status, 0);
    EXPECT_EQ(held.frame.bytes, bytes);
    EXPECT_TRUE(held.holds(held.number));
    EXPECT_TRUE(held.current());
  }
  EXPECT_EQ(node_.sample("vservices_frame_bytes_total"), (300 << 10) + (4 << 20) + 1);
  EXPECT_EQ(node_.sample("vservices_response_bytes_total"), 3 * 4) << "through the ring go the words alone";
}

TEST_F(LargeFrames, ThatWouldBeTooLargeAreRefused) {
  Guest guest(node_.home("web1"));
  EXPECT_EQ(guest.call(kFrame, text_of((4 << 20) + 1)), std::to_string(-EINVAL));
  EXPECT_EQ(guest.echo("goes on"), "goes on");
}

TEST_F(Frames, AreReadByManyGuestsAtOnce) {
  Guest first(node_.home("web1"));
  Guest second(node_.home("web1"));
  Guest third(node_.home("web2"));
  const Held one(first, 1000);
  const Held two(second, 0);
  const Held three(third, 0);
  for (const Held* held : {&one, &two, &three}) {
    ASSERT_EQ(held->status, 0);
    EXPECT_EQ(held->frame.bytes, 1000u);
    EXPECT_TRUE(held->holds(1));
  }
  EXPECT_EQ(pool("loans_total"), 1);
  EXPECT_EQ(pool("lent_total"), 3);
}

TEST_F(Frames, ThatAreReturnedAreUsedAgain) {
  Guest guest(node_.home("web1"));
  for (int i = 0; i < 200; ++i) {
    const Held held(guest, 300 << 10);
    ASSERT_EQ(held.status, 0) << i;
    ASSERT_TRUE(held.holds(held.number)) << i;
    ASSERT_TRUE(held.current()) << i;
  }
  EXPECT_EQ(guest.echo("behind the last return"), "behind the last return");
  EXPECT_EQ(pool("returned_total"), 200);
  EXPECT_EQ(pool("buffers_free"), kSmall.count - 1) << "the service keeps the last one";
}

// Returns ring as requests do: a guest that then asks for nothing is heard all the same.
TEST_F(Frames, ComeBackWithoutAnotherRequest) {
  Guest guest(node_.home("web1"));
  { const Held held(guest, 1000); }
  while (pool("returned_total") < 1) std::this_thread::yield();
  EXPECT_EQ(node_.sample("vservices_requests_total"), 1);
}

TEST_F(Frames, AreMissedByAGuestThatReturnsNone) {
  Guest greedy(node_.home("web1"));
  Guest other(node_.home("web2"));
  std::vector<std::unique_ptr<Held>> kept;
  for (int i = 0; i < 4; ++i) {
    kept.push_back(std::make_unique<Held>(greedy, 1000));
    ASSERT_EQ(kept.back()->status, 0) << i;
  }
  EXPECT_EQ(Held(greedy, 1000).status, -EAGAIN);
  EXPECT_EQ(node_.sample("vservices_answers_total", "status", "exhausted"), 1);
  EXPECT_EQ(pool("refused_borrower_total"), 1);
  for (int i = 0; i < 50; ++i) {
    const Held held(other, 1000);
    ASSERT_EQ(held.status, 0) << i;
    ASSERT_TRUE(held.holds(held.number));
  }
  EXPECT_EQ(greedy.echo("served otherwise"), "served otherwise");
  kept.pop_back();
  EXPECT_EQ(Held(greedy, 1000).status, 0) << "one returned, one lent";
}

TEST_F(Frames, AreTakenBackWhenTheirLeaseIsOver) {
  Guest guest(node_.home("web1"));
  {
    const Held held(guest, 1000);
    ASSERT_TRUE(held.current());
    while (pool("reclaimed_total") < 1) std::this_thread::yield();
    EXPECT_TRUE(held.current()) << "the service still keeps it: nobody has written there";
    const Held next(guest, 1000);
    ASSERT_EQ(next.status, 0);
    EXPECT_FALSE(held.current());
    EXPECT_TRUE(next.current());
  }
  EXPECT_EQ(guest.echo("late is no offence"), "late is no offence");
  EXPECT_EQ(pool("returned_late_total"), 1);
  EXPECT_EQ(guest.stats().reconnects, 0u);
}

TEST_F(Frames, AreCopiedForProgramsThatKnowNothingOfThem) {
  Guest guest(node_.home("web1"));
  for (std::uint32_t i = 1; i <= 100; ++i) {
    const std::string answer = guest.call(kFrame, text_of(300 << 10));
    ASSERT_EQ(answer.size(), sizeof i + (300 << 10)) << i;
    ASSERT_EQ(answer.substr(0, sizeof i), text_of(i));
    ASSERT_EQ(answer.find_first_not_of(static_cast<char>(i), sizeof i), std::string::npos);
  }
  EXPECT_EQ(guest.echo("small ones, too"), "small ones, too");
  EXPECT_EQ(pool("returned_total"), 100);
}

TEST_F(Frames, AreCopiedForFrontendsThatReadNoPool) {
  fuzz::RawGuest guest(node_.socket());
  RingProducer requests(producer_memory(guest.region(), guest.header().request));
  RingConsumer answers(consumer_memory(guest.region(), guest.header().response));
  std::vector<std::byte> into(answers.payload_bytes_max());
  const auto status_of = [&](std::uint32_t count) {
    const vs_request head{.answer_bytes_max = 32 << 10, .timeout_ms = 0};
    EXPECT_TRUE(*requests.push(kFrame, 1, {std::as_bytes(std::span(&head, 1)), std::as_bytes(std::span(&count, 1))}));
    requests.publish();
    guest.doorbell();
    while (answers.empty()) std::this_thread::yield();
    const auto taken = answers.take(into);
    EXPECT_EQ((*taken)->type, VS_RECORD_ANSWER);
    vs_answer answer{};
    std::memcpy(&answer, into.data(), sizeof answer);
    const std::size_t copied = answer.status == VS_STATUS_OK ? 4 + count : 0;
    EXPECT_EQ((*taken)->payload.size(), sizeof answer + copied);
    return answer.status;
  };
  EXPECT_EQ(status_of(1000), static_cast<std::uint32_t>(VS_STATUS_OK));
  EXPECT_EQ(status_of(300 << 10), static_cast<std::uint32_t>(VS_STATUS_TOO_LARGE));
  EXPECT_EQ(pool("lent_total"), 0);
}

TEST_F(Frames, AreNoneWhenAnAnswerCameThroughTheRing) {
  Guest guest(node_.home("web1"));
  vs_frame frame;
  ASSERT_EQ(vs_call_frame(guest.device(), kEcho, "hello", 5, 64, 20'000, &frame), 0);
  EXPECT_EQ(std::string_view(static_cast<const char*>(frame.data), frame.bytes), "hello");
  EXPECT_EQ(frame.words_bytes, 0u);
  EXPECT_EQ(vs_frame_current(guest.device(), &frame), 1);
  EXPECT_EQ(vs_frame_return(guest.device(), &frame), 0);
  EXPECT_EQ(vs_frame_return(guest.device(), &frame), 0) << "for nothing";
}

TEST_F(Frames, NeedRoomForTheirWords) {
  Guest guest(node_.home("web1"));
  const std::uint32_t count = 1000;
  vs_frame frame;
  ASSERT_EQ(vs_call_frame(guest.device(), kFrame, &count, sizeof count, 0, 20'000, &frame), 0);
  EXPECT_EQ(frame.words_bytes, 4u);
  EXPECT_EQ(node_.sample("vservices_answers_total", "status", "too_large"), 1) << "asked for again, with more room";
  EXPECT_EQ(vs_frame_return(guest.device(), &frame), 0);
}

TEST_F(Frames, OutliveTheirBackend) {
  Guest guest(node_.home("web1"));
  const Held held(guest, 1000);
  ASSERT_EQ(held.status, 0);
  node_.stop();
  EXPECT_TRUE(held.holds(1));
  node_.start();
  grant();
  const Held next(guest, 1000);
  EXPECT_EQ(next.status, 0);
  EXPECT_EQ(guest.stats().reconnects, 1u);
  EXPECT_TRUE(next.current());
  EXPECT_FALSE(held.current());
  EXPECT_TRUE(held.holds(1)) << "readable until it is returned";
}

TEST_F(Frames, OfAServiceThatADomainLosesAreForTheOthers) {
  Guest loser(node_.home("web1"));
  Guest other(node_.home("web2"));
  const Held before(loser, 1000);
  const Held of_other(other, 0);
  grant({"web2"});
  EXPECT_EQ(Held(other, 0).status, -EAGAIN) << "what was made for those of before";
  const Held after(other, 1000);
  ASSERT_EQ(after.status, 0);
  EXPECT_TRUE(after.holds(2));
  EXPECT_FALSE(of_other.current());
  EXPECT_EQ(other.stats().reconnects, 1u);
  EXPECT_TRUE(before.holds(0)) << "what is still mapped holds nothing any more";
  EXPECT_EQ(loser.call(kEcho, "no more", 50), std::to_string(-ENODEV));
}

TEST_F(Frames, OfOtherDomainsStayWhenTermsChange) {
  Guest changed(node_.home("web1"));
  Guest other(node_.home("web2"));
  ASSERT_EQ(Held(changed, 1000).status, 0);
  const Held held(other, 1000);
  grant({"web1", "web2"}, {.wait = control::WaitMode::block});
  EXPECT_EQ(Held(changed, 0).status, 0);
  EXPECT_EQ(changed.stats().renewals, 1u) << "in other rings, and of the same pool";
  EXPECT_EQ(other.echo("not disturbed"), "not disturbed");
  EXPECT_EQ(other.stats().reconnects, 0u);
  EXPECT_TRUE(held.current());
}

TEST_F(Frames, LeaveNeitherDescriptorsNorMemoryBehind) {
  const auto descriptors = [] { return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}); };
  const auto mappings = [] {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);) count += line.find("vservice-pool") != std::string::npos ? 1 : 0;
    return count;
  };
  const auto before = descriptors();
  const int mapped = mappings();
  for (int i = 0; i < 20; ++i) {
    Guest guest(node_.home("web1"));
    const Held held(guest, 1000);
    ASSERT_EQ(held.status, 0);
    EXPECT_GT(mappings(), mapped);
    vs_frame left;  // and one that is never returned
    EXPECT_EQ(vs_call_frame(guest.device(), kFrame, text_of(1000).data(), 4, 64, 20'000, &left), 0);
  }
  node_.wait_for([&] { return node_.backend().sessions() == 0; });
  node_.on_loop([] {});  // what had ended is swept
  EXPECT_EQ(descriptors(), before);
  EXPECT_EQ(mappings(), mapped);
}

TEST(FrameNeedsOf, AServiceThatWantsTooManyAreAProblem) {
  for (const FrameNeeds needs : {FrameNeeds{0, 4096}, FrameNeeds{1, 0}, FrameNeeds{2000, 4096}, FrameNeeds{4, kFramePoolBytesMax}}) {
    Node node(needs);
    EXPECT_EQ(node.configure({{"web1-echo", "web1", "echo", "echo", true}}).problems.size(), 1u);
    Guest guest(node.home("web1"));
    EXPECT_EQ(guest.echo("served all the same"), "served all the same");
    EXPECT_EQ(guest.call(kFrame, text_of(1)), std::to_string(-ENOENT));
  }
}

// A guest that writes into its request ring what it likes.
class HostileReader : public Frames {
 protected:
  HostileReader() {
    const std::string path = node_.socket();
    const vs_opening opening{
        .path = path.c_str(), .service = "echo", .generation = 1, .deadline_ms = vs_now_ms() + 20'000};
    EXPECT_EQ(vs_session_open(&session_, &opening), 0);
  }
  ~HostileReader() override { vs_session_close(&session_); }

  // Is lent a frame.
  vs_buffer borrow() {
    const vs_request head{.answer_bytes_max = 64, .timeout_ms = 0};
    const std::uint32_t count = 1000;
    EXPECT_EQ(vs_producer_push(&session_.requests, kFrame, 1, &head, sizeof head, &count, sizeof count), 1);
    vs_producer_publish(&session_.requests);
    vs_session_ring_doorbell(&session_);
    std::vector<unsigned char> into(vs_record_payload_max(session_.answers.size));
    vs_taken taken{};
    while (vs_consumer_take(&session_.answers, into.data(), &taken) == 0) std::this_thread::yield();
    EXPECT_EQ(taken.type, VS_RECORD_BUFFER);
    vs_buffer buffer{};
    EXPECT_EQ(vs_read_buffer(into.data(), taken.payload_bytes, &buffer), 0);
    return buffer;
  }
  void give_back(const vs_buffer_return& back, std::size_t bytes = sizeof(vs_buffer_return)) {
    EXPECT_EQ(vs_producer_push(&session_.requests, VS_RECORD_RETURN, 1, &back, bytes, nullptr, 0), 1);
    vs_producer_publish(&session_.requests);
    vs_session_ring_doorbell(&session_);
  }
  void expect_broken() {
    while (vs_session_sleep(&session_, vs_now_ms() + 20'000) == 0) {
    }
    EXPECT_EQ(broken("buffer"), 1);
    Guest other(node_.home("web2"));
    EXPECT_EQ(Held(other, 1000).status, 0);
  }

  vs_session session_;
};

TEST_F(HostileReader, BreaksByReturningWhatItWasNotLent) {
  give_back({.pool = 1, .buffer = 0, .generation = 1, .flags = 0});
  expect_broken();
}

TEST_F(HostileReader, BreaksByReturningTwice) {
  const vs_buffer buffer = borrow();
  give_back(vs_return_of(&buffer));
  give_back(vs_return_of(&buffer));
  expect_broken();
}

TEST_F(HostileReader, BreaksByReturningAnotherGeneration) {
  const vs_buffer buffer = borrow();
  auto back = vs_return_of(&buffer);
  ++back.generation;
  give_back(back);
  expect_broken();
}

TEST_F(HostileReader, BreaksByReturningToAnotherPool) {
  const vs_buffer buffer = borrow();
  auto back = vs_return_of(&buffer);
  ++back.pool;
  give_back(back);
  expect_broken();
}

TEST_F(HostileReader, BreaksByReturningHalfAReturn) {
  const vs_buffer buffer = borrow();
  give_back(vs_return_of(&buffer), 8);
  expect_broken();
}

TEST_F(HostileReader, CannotWriteWhatItReads) {
  EXPECT_NE(::mprotect(const_cast<unsigned char*>(session_.shared.pool.memory), VS_PAGE_BYTES, PROT_READ | PROT_WRITE), 0);
}

}  // namespace
}  // namespace vs::test
