// Guests that do everything they can to a backend over their socket and their region: what they
// learn, what they stop, what stays behind (rules S-6, S-9, S-10, S-13, S-15, S-16, S-17, S-21).
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <csignal>
#include <fstream>
#include <random>
#include <sstream>

#include "dataplane/abi/dns.h"
#include "tests/dataplane/backend/node.h"
#include "tests/fuzz/raw_guest.h"

namespace vs::test {
namespace {

using fuzz::RawGuest;

// The region's part that the backend writes.
std::span<std::byte> backend_part(RawGuest& guest) {
  const PageRange pages = backend_pages(guest.header());
  return guest.region().subspan(pages.offset, pages.bytes);
}

class Rules : public testing::Test {
 protected:
  Rules() {
    configure(true);
    neighbour_ = std::make_unique<Guest>(node_.home("web2"));
  }
  void configure(bool granted) {
    node_.configure({{"web1-echo", "web1", "echo", "echo", granted},
                     {"web2-echo", "web2", "echo", "echo", true}});
  }
  std::unique_ptr<RawGuest> open(std::span<const int> gifts = {}) {
    return std::make_unique<RawGuest>(node_.socket(), gifts);
  }
  static bool ask(RawGuest& guest, std::uint16_t type, std::uint32_t answer_bytes_max,
                  std::string_view payload) {
    const vs_request head{.answer_bytes_max = answer_bytes_max};
    const int put = vs_producer_push(&guest.requests(), type, 1, &head, sizeof head, payload.data(),
                                     payload.size());
    if (vs_producer_publish(&guest.requests())) guest.doorbell();
    return put == 1;
  }
  static bool ask_for(RawGuest& guest, std::uint32_t bytes,
                      std::uint32_t answer_bytes_max = 32 * 1024) {
    return ask(guest, kGrow, answer_bytes_max,
               {reinterpret_cast<const char*>(&bytes), sizeof bytes});
  }
  static std::size_t take_all(RawGuest& guest) {
    std::vector<std::byte> into(1 << 15);
    vs_taken taken{};
    std::size_t count = 0;
    while (vs_consumer_take(&guest.answers(), into.data(), &taken) == 1) ++count;
    vs_consumer_release(&guest.answers());
    return count;
  }
  void neighbour_is_served() {
    for (int i = 0; i < 5; ++i) EXPECT_EQ(neighbour_->echo("fine"), "fine");
    EXPECT_EQ(neighbour_->stats().reconnects, 0u);
  }
  void only_the_neighbour_is_left() {
    node_.wait_for([&] { return node_.backend().sessions() == 1; });
  }

  Node node_;
  std::unique_ptr<Guest> neighbour_;
};

using RuleS6 = Rules;

// Addresses of this process, as 64-bit words at any multiple of 4.
bool holds_an_address(std::span<const std::byte> memory) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> mapped;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    char dash = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end;
    // Where programs, heaps and stacks are: a sanitizer's shadow is lower, or larger than any of
    // them.
    if (begin >= std::uint64_t{1} << 40 && end - begin < std::uint64_t{1} << 34)
      mapped.emplace_back(begin, end);
  }
  for (std::size_t at = 0; at + 8 <= memory.size(); at += 4) {
    std::uint64_t word = 0;
    std::memcpy(&word, &memory[at], sizeof word);
    for (const auto& [begin, end] : mapped)
      if (word >= begin && word < end) return true;
  }
  return false;
}

TEST_F(RuleS6, NoAddressIsEverInTheRegion) {
  const auto guest = open();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(ask(*guest, kEcho, 256, std::string(i, 'e')));
    ASSERT_TRUE(ask(*guest, kRefuse, 256, ""));
    ASSERT_TRUE(ask_for(*guest, 700));
    std::size_t answers = 0;
    while (answers != 3) answers += take_all(*guest);
  }
  EXPECT_TRUE(holds_an_address(std::as_bytes(std::span(&neighbour_, 1))))
      << "the search finds what there is";
  EXPECT_FALSE(holds_an_address(guest->region()));
}

TEST_F(RuleS6, TheHeadersSharedWithGuestsHaveNoPlaceForOne) {
  for (const auto& entry : std::filesystem::directory_iterator(VS_SOURCE_DIR "/dataplane/abi")) {
    std::ifstream file(entry.path());
    std::string code{std::istreambuf_iterator<char>(file), {}};
    for (std::size_t at; (at = code.find("/*")) != std::string::npos;)
      code.erase(at, code.find("*/", at) + 2 - at);
    std::istringstream lines(code);
    for (std::string line; std::getline(lines, line);) {
      if (line.find(';') == std::string::npos || line.starts_with("static_assert"))
        continue;  // fields only
      for (const char* word : {"uintptr", "intptr", "size_t", " long ", " int ", "void", "char "})
        EXPECT_EQ(line.find(word), std::string::npos) << entry.path() << ": " << line;
      const std::size_t star =
          line.find('*');  // "2 * VS_LINE_BYTES" is arithmetic, "char *name" is a pointer
      EXPECT_TRUE(star == std::string::npos || std::isdigit(line[star - 2]) != 0)
          << entry.path() << ": " << line;
    }
  }
}

using RuleS9 = Rules;

TEST_F(RuleS9, WhatAServiceIsGivenIsNoLongerTheGuests) {
  class Careful final : public Service {
   public:
    std::vector<std::pair<std::string, Error>> configure(const std::vector<Named>&) override {
      return {};
    }
    void handle(const Request& request, Reply reply) override {
      const std::vector<std::byte> before(request.payload.begin(), request.payload.end());
      for (auto& byte : guest->region().subspan(guest->header().request.data_offset))
        byte = std::byte{0xee};
      unchanged += std::equal(before.begin(), before.end(), request.payload.begin()) ? 1 : 0;
      std::move(reply).send(std::span<const std::byte>(before));
    }
    std::vector<Sample> samples() const override { return {}; }
    RawGuest* guest = nullptr;
    int unchanged = 0;
  };
  EventLoop loop;
  auto service = std::make_unique<Careful>();
  Careful& careful = *service;
  Backend backend(loop, "echo", std::move(service), std::make_unique<LocalTransport>(node_.home(".")));
  backend.configure(
      {1, {{"echo", nlohmann::json::object()}}, {{"web3-echo", "web3", "echo", "echo", true}}});
  UniqueFd socket = fuzz::connect_to(node_.socket("web3"));
  const vs_local_hello hello = fuzz::good_hello();
  ASSERT_EQ(::send(socket.get(), &hello, sizeof hello, MSG_NOSIGNAL),
            static_cast<ssize_t>(sizeof hello));
  while (backend.sessions() == 0) loop.run_once(std::chrono::milliseconds(10));
  RawGuest guest(std::move(socket));
  careful.guest = &guest;
  ASSERT_TRUE(ask(guest, kEcho, 256, "as it was"));
  while (careful.unchanged == 0) loop.run_once(std::chrono::milliseconds(10));
  EXPECT_EQ(take_all(guest), 1u);
}

using RuleS10 = Rules;

TEST_F(RuleS10, AGuestThatStopsReadingAtAnyFillLevelHoldsUpNobody) {
  constexpr std::uint32_t kStep =
      4080;  // an answer's record, so that levels are multiples of it and of what is left over
  constexpr std::uint32_t kRing = 256 * 1024;
  int answered = 0;
  for (std::uint32_t level = 0; level < kRing; level += kStep) {
    const auto guest = open();
    const std::uint32_t step = kStep - sizeof(vs_record) - sizeof(vs_answer);
    for (std::uint32_t filled = 0; filled < level; filled += kStep)
      ASSERT_TRUE(ask_for(*guest, step, kStep));
    ASSERT_TRUE(ask_for(*guest, 32'000));  // promised, but there is less and less room for it
    while (!guest->is_left_alone()) {
      const auto& prod = guest->prod(guest->header().response);
      if (std::atomic_ref(const_cast<std::uint32_t&>(prod.prod)).load() >= level + 32'000) {
        ++answered;
        break;
      }
    }
    if (level % (16 * kStep) == 0) neighbour_is_served();
  }
  EXPECT_GE(answered, 50);  // to the brim; then the promise is broken, not the backend
  const double broken = node_.sample("vservices_sessions_broken_total", "why", "credit");
  EXPECT_EQ(answered + broken, (kRing + kStep - 1) / kStep);
  neighbour_is_served();
  only_the_neighbour_is_left();
}

TEST_F(RuleS10, APromiseLargerThanAnyRecordIsAnsweredAsTooLarge) {
  const auto guest = open();
  ASSERT_TRUE(ask_for(*guest, 40'000, 1 << 20));
  std::vector<std::byte> into(1 << 15);
  vs_taken taken{};
  while (vs_consumer_take(&guest->answers(), into.data(), &taken) == 0) std::this_thread::yield();
  vs_answer head{};
  std::memcpy(&head, into.data(), sizeof head);
  EXPECT_EQ(head.status, static_cast<std::uint32_t>(VS_STATUS_TOO_LARGE));
  EXPECT_EQ(head.bytes_needed, 0u);
  EXPECT_FALSE(guest->is_left_alone());
}

using RuleS13 = Rules;

TEST_F(RuleS13, ANewRegionHoldsNothingOfAnybody) {
  const std::string canary = "canary-of-another-guest";
  for (int round = 0; round < 20; ++round) {
    {
      const auto before = open();
      for (std::size_t at = 0; at + canary.size() < backend_part(*before).size(); at += 64)
        std::memcpy(&before->region()[before->header().response.cons_offset + at % VS_PAGE_BYTES],
                    canary.data(), canary.size());
      for (int i = 0; i < 40; ++i) ASSERT_TRUE(ask(*before, kEcho, 4096, canary));
      std::size_t answers = 0;
      while (answers != 40) answers += take_all(*before);
    }
    const auto guest = open();
    const auto region = guest->region();
    const vs_region_header& header = guest->header();
    EXPECT_TRUE(std::all_of(std::begin(header.reserved), std::end(header.reserved),
                            [](auto byte) { return byte == 0; }));
    // What both sides set before the first request; the rest must never have been written.
    const std::size_t words[] = {header.response.prod_offset + offsetof(vs_prod_page, space_event),
                                 header.request.prod_offset + offsetof(vs_prod_page, space_event),
                                 header.request.cons_offset + offsetof(vs_cons_page, data_event)};
    for (std::size_t at = VS_PAGE_BYTES; at < region.size(); ++at) {
      if (std::any_of(std::begin(words), std::end(words),
                      [&](std::size_t word) { return at >= word && at < word + 4; }))
        continue;
      ASSERT_EQ(region[at], std::byte{}) << "at " << at;
    }
  }
}

using RuleS15 = Rules;

TEST_F(RuleS15, DescriptorsThatGuestsSendDoNotStayOpen) {
  const auto open_descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::vector<int> gifts(4, null.get());
  node_.on_loop([] {});  // the neighbour is welcomed to the end
  const auto before = open_descriptors();
  for (int round = 0; round < 10; ++round) {
    const auto guest = open(gifts);
    const std::byte any{};
    for (int messages = 0; messages < 40; ++messages)
      fuzz::send_with(guest->socket(), std::span(&any, 1), gifts);
    ASSERT_TRUE(ask(*guest, kEcho, 64, "x"));
    while (take_all(*guest) == 0) std::this_thread::yield();
  }
  only_the_neighbour_is_left();
  node_.on_loop([] {});  // what ended has been put away
  node_.on_loop([] {});
  EXPECT_EQ(open_descriptors(), before);
}

using RuleS16 = Rules;

// What its doorbells share with the backend's, the guest can change: whether they may block, and what is in them.
TEST_F(RuleS16, AGuestThatDoesAnythingToItsDoorbellsBlocksNobody) {
  const auto guest = open();
  for (const int bell : {guest->own_bell(), guest->backends_bell()}) {
    const int flags = ::fcntl(bell, F_GETFL);
    ASSERT_EQ(::fcntl(bell, F_SETFL, flags & ~O_NONBLOCK), 0);
  }
  std::atomic<bool> over = false;
  std::thread spoiler([&] {
    std::mt19937_64 random(16);
    while (!over) {
      const int bell = random() % 2 == 0 ? guest->own_bell() : guest->backends_bell();
      std::uint64_t count = random() % 3;
      pollfd room{.fd = bell, .events = POLLOUT};
      if (random() % 2 == 0)
        (void)!::read(bell, &count, sizeof count);
      else if (::poll(&room, 1, 0) == 1)
        (void)!::write(bell, &count, sizeof count);  // fills it up again, to the brim
    }
  });
  for (int i = 0; i < 2000; ++i) {  // each answer finds the guest asleep, as far as the backend can see
    vs_consumer_ask(&guest->answers());
    ASSERT_TRUE(ask(*guest, kEcho, 64, "ring me"));
    for (int looks = 1; take_all(*guest) == 0; ++looks) {
      std::this_thread::yield();
      if (looks % 100 == 0) guest->doorbell();  // that a ring is not heard is its own loss
    }
    if (i % 500 == 0) neighbour_is_served();
  }
  over = true;
  for (const int bell : {guest->own_bell(), guest->backends_bell()})  // one of its own writes may wait there
    for (std::uint64_t reads = 0, one; reads < 2; ++reads) (void)!::read(bell, &one, sizeof one);
  spoiler.join();
  EXPECT_EQ(node_.sample("vservices_sessions_broken_total"), 0);
  neighbour_is_served();
}

TEST_F(RuleS16, AGuestThatFillsTheBackendsSocketHurtsNobodyNotEvenItself) {
  const auto guest = open();
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 1000; ++i) (void)::send(guest->socket(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    ASSERT_TRUE(ask(*guest, kEcho, 64, "among them"));
    while (take_all(*guest) == 0) std::this_thread::yield();
    neighbour_is_served();
  }
}

using RuleS17 = Rules;

TEST_F(RuleS17, GuestsThatAreKilledWhileTheyWriteAnywhereHurtNobody) {
  std::mt19937_64 random(17);
  for (int round = 0; round < 200; ++round) {
    const auto guest = open();
    const auto region = guest->region();
    const pid_t scribbler = ::fork();
    if (scribbler == 0) {  // nothing but memory and the socket: the parent has threads
      for (std::uint64_t state = random() | 1;;) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        region[(state >> 33) % region.size()] = static_cast<std::byte>(state >> 24);
        if (state % 64 == 0) guest->doorbell();
        if (state % 100'003 == 0)
          ::munmap(region.data() + region.size() / 2, region.size() / 2);  // its own end
      }
    }
    for (std::uint64_t spins = random() % 20'000; spins > 0; --spins)
      std::atomic_signal_fence(std::memory_order_seq_cst);
    ::kill(scribbler, SIGKILL);
    ASSERT_EQ(::waitpid(scribbler, nullptr, 0), scribbler);
    if (round % 20 == 0) neighbour_is_served();
  }
  only_the_neighbour_is_left();
  neighbour_is_served();
}

using RuleS21 = Rules;

TEST_F(RuleS21, AfterTheEndTheGuestSeesNoFurtherByte) {
  const auto guest = open();
  ASSERT_TRUE(ask(*guest, kNever, 4096, ""));
  node_.wait_for([&] { return node_.service().kept.size() == 1; });
  configure(false);
  guest->wait_for_end();
  node_.on_loop([] {});  // what ended has been put away
  const std::vector<std::byte> before(guest->region().begin(), guest->region().end());
  node_.on_loop([&] {
    std::move(node_.service().kept.back()).send(std::as_bytes(std::span("too late", 8)));
    node_.service().kept.clear();
  });
  neighbour_is_served();
  EXPECT_TRUE(std::equal(before.begin(), before.end(), guest->region().begin()));

  configure(true);  // the next session has memory of its own
  const auto next = open();
  ASSERT_TRUE(ask(*next, kEcho, 64, "for the next only"));
  while (take_all(*next) == 0) std::this_thread::yield();
  EXPECT_TRUE(std::equal(before.begin(), before.end(), guest->region().begin()));
}

}  // namespace
}  // namespace vs::test
