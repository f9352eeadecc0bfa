// The frontend believes its backend as little as the backend believes guests: whatever comes, the
// call ends with an error (rules S-5, S-8, S-15, S-20).
#include <array>
#include <atomic>

#include "evil_backend.h"
#include "tests/fuzz/memory.h"

namespace vs::test {
namespace {

TEST(RuleS8, RegionsThatAreNoneAreNotMapped) {
  struct Case {
    const char* what;
    std::function<void(int, Region&)> behave;
  };
  const Case cases[] = {
      {"no descriptor",
       [](int socket, Region& region) { welcome(socket, -1, good_welcome(region)); }},
      {"wrong magic",
       [](int socket, Region& region) { welcome(socket, region.memory.get(), {.magic = 1}); }},
      {"says it is larger than it is",
       [](int socket, Region& region) {
         auto message = good_welcome(region);
         message.region_bytes *= 2;
         welcome(socket, region.memory.get(), message);
       }},
      {"no size",
       [](int socket, Region& region) {
         welcome(socket, region.memory.get(), {.magic = VS_LOCAL_MAGIC, .status = VS_STATUS_OK});
       }},
      {"a header of nonsense",
       [](int socket, Region& region) {
         std::memset(region.bytes.data(), 0xff, VS_PAGE_BYTES);
         welcome(socket, region.memory.get(), good_welcome(region));
       }},
      {"a status nobody knows",
       [](int socket, Region& region) {
         auto message = good_welcome(region);
         message.status = 99;
         welcome(socket, region.memory.get(), message);
       }},
  };
  for (const Case& one : cases) {
    Region region;
    const EvilBackend backend([&](int socket) { one.behave(socket, region); });
    EXPECT_EQ(open_status(), -EPROTO) << one.what;
  }
}

TEST(RuleS15, MemoryThatCanShrinkIsNotMapped) {
  Region unsealed(0);
  const EvilBackend backend(
      [&](int socket) { welcome(socket, unsealed.memory.get(), good_welcome(unsealed)); });
  EXPECT_EQ(open_status(), -EPROTO);
}

TEST(RuleS15, MemoryThatLacksOneSealIsNotMapped) {
  for (const int seals :
       {F_SEAL_GROW | F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_GROW}) {
    Region region(seals);
    const EvilBackend backend(
        [&](int socket) { welcome(socket, region.memory.get(), good_welcome(region)); });
    EXPECT_EQ(open_status(), -EPROTO) << seals;
  }
}

TEST(RuleS15, AFileIsNoMemoryHoweverGoodItsContents) {
  Region region;
  std::string path = (std::filesystem::temp_directory_path() / "vs-file-XXXXXX").string();
  const UniqueFd file(::mkostemp(path.data(), O_CLOEXEC));
  ::unlink(path.c_str());
  ASSERT_EQ(::ftruncate(file.get(), region.header.bytes), 0);
  ASSERT_EQ(::pwrite(file.get(), &region.header, sizeof region.header, 0),
            static_cast<ssize_t>(sizeof region.header));
  const EvilBackend backend([&](int socket) { welcome(socket, file.get(), good_welcome(region)); });
  EXPECT_EQ(open_status(), -EPROTO);
}

TEST(RuleS15, MemoryThatCannotBeWrittenIsNoRegion) {
  Region region;
  const UniqueFd read_only(::open(("/proc/self/fd/" + std::to_string(region.memory.get())).c_str(),
                                  O_RDONLY | O_CLOEXEC));
  const EvilBackend backend(
      [&](int socket) { welcome(socket, read_only.get(), good_welcome(region)); });
  EXPECT_EQ(open_status(), -EPROTO);
}

TEST(RuleS15, DescriptorsThatNobodyAskedForDoNotStayOpen) {
  const auto open_descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  Region region;
  const vs_local_welcome good = good_welcome(region);
  const std::span<const std::byte> whole = std::as_bytes(std::span(&good, 1));
  const std::vector<int> two(2, region.memory.get());
  const Pool pool;
  const std::vector<int> three{region.memory.get(), pool.memory.get(), pool.memory.get()};
  const auto before = open_descriptors();
  {
    const EvilBackend backend([&](int socket) { fuzz::send_with(socket, whole, two); });
    EXPECT_EQ(open_status(), -EPROTO);
  }
  {
    const EvilBackend backend([&](int socket) { fuzz::send_with(socket, whole, three); });
    EXPECT_EQ(open_status(), -EPROTO) << "a third one";
  }
  {
    const EvilBackend backend(
        [&](int socket) { fuzz::send_with(socket, {}, std::span(two).first(1)); });
    EXPECT_EQ(open_status(200), -ECONNREFUSED);
  }
  EXPECT_EQ(open_descriptors(), before);
}

// A welcome with a region that is good, and a second descriptor.
int open_status_with(int pool) {
  Region region;
  const vs_local_welcome good = good_welcome(region);
  const std::array<int, 2> descriptors{region.memory.get(), pool};
  const EvilBackend backend([&](int socket) { fuzz::send_with(socket, std::as_bytes(std::span(&good, 1)), descriptors); });
  return open_status();
}

TEST(RuleS15, PoolsThatCanShrinkOrBeWrittenAreNotMapped) {
  constexpr int kAll = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
  EXPECT_EQ(open_status_with(Pool().memory.get()), 0);
  EXPECT_EQ(open_status_with(Pool(0).memory.get()), -EPROTO);
  for (const int missing : {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE, F_SEAL_SEAL})
    EXPECT_EQ(open_status_with(Pool(kAll & ~missing).memory.get()), -EPROTO) << missing;
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(open_status_with(file.get()), -EPROTO) << "a file";
}

TEST(RuleS15, PoolsWithAHeaderOfNonsenseAreNotMapped) {
  auto header = Pool().header;
  header.buffer_count = 1000;
  EXPECT_EQ(open_status_with(Pool(F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL, header).memory.get()),
            -EPROTO);
}

TEST(RuleS20, SilenceEndsAtTheDeadline) {
  const EvilBackend backend([](int socket) {
    char byte;
    while (::recv(socket, &byte, 1, 0) > 0) {
    }
  });
  EXPECT_EQ(open_status(100), -ETIMEDOUT);
}

TEST(RuleS5, AnswersToWhatWasNotAskedAreNotBelieved) {
  const auto found = bytes_of(vs_answer{}, vs_dns_addresses{.result = VS_DNS_NO_NAME});
  EXPECT_EQ(resolve_status([&](RingProducer& ring, std::uint64_t cookie) {
              (void)ring.push(VS_RECORD_ANSWER, cookie + 1, {found});
            }),
            -EPROTO);
  EXPECT_EQ(resolve_status([&](RingProducer& ring, std::uint64_t cookie) {  // of another connection
              (void)ring.push(VS_RECORD_ANSWER, cookie ^ (std::uint64_t{1} << 32), {found});
            }),
            -EPROTO);
  EXPECT_EQ(resolve_status([&](RingProducer& ring, std::uint64_t cookie) {
              (void)ring.push(VS_RECORD_SERVICE, cookie, {found});
            }),
            -EPROTO);
  EXPECT_EQ(resolve_status([&](RingProducer& ring, std::uint64_t cookie) {
              (void)ring.push(VS_RECORD_ANSWER, cookie, {});
            }),
            -EPROTO);
}

TEST(RuleS5, BuffersOfNoPoolAreNotBelieved) {
  const vs_buffer buffer{.pool = 1, .buffer = 0, .generation = 1, .flags = 0, .offset = 0, .bytes = 64};
  EXPECT_EQ(resolve_status([&](RingProducer& ring, std::uint64_t cookie) {
              (void)ring.push(VS_RECORD_BUFFER, cookie, {bytes_of(buffer)});
            }),
            -EPROTO);
}

TEST(RuleS8, BuffersThatAreNoPartOfTheirPoolAreNotBelieved) {
  const auto status_of = [](vs_buffer buffer, std::size_t bytes = sizeof(vs_buffer)) {
    const Pool pool;
    const auto payload = std::as_bytes(std::span(&buffer, 1)).first(bytes);
    return resolve_status(
        [&](RingProducer& ring, std::uint64_t cookie) { (void)ring.push(VS_RECORD_BUFFER, cookie, {payload}); },
        pool.memory.get());
  };
  const vs_buffer good{.pool = 1, .buffer = 1, .generation = 0, .flags = 0, .offset = 0, .bytes = VS_PAGE_BYTES};
  const auto with = [&](auto change) {
    vs_buffer buffer = good;
    change(buffer);
    return buffer;
  };
  EXPECT_EQ(status_of(with([](vs_buffer& buffer) { buffer.pool = 2; })), -EPROTO);
  EXPECT_EQ(status_of(with([](vs_buffer& buffer) { buffer.buffer = 2; })), -EPROTO);
  EXPECT_EQ(status_of(with([](vs_buffer& buffer) { buffer.flags = 1; })), -EPROTO);
  EXPECT_EQ(status_of(with([](vs_buffer& buffer) { buffer.offset = 1; })), -EPROTO);
  EXPECT_EQ(status_of(with([](vs_buffer& buffer) { buffer.bytes = ~std::uint64_t{0}; })), -EPROTO);
  EXPECT_EQ(status_of(good, sizeof good - 1), -EPROTO);
  EXPECT_EQ(status_of(with([](vs_buffer& buffer) { buffer.generation = 7; })), -EAGAIN) << "one that was always taken back";
}

TEST(RuleS20, AnswersThatMakeNoSenseAreNotBelieved) {
  const vs_dns_address address{.family = VS_DNS_INET};
  const vs_dns_address strange{.family = 77};
  const std::vector<std::vector<std::byte>> answers{
      bytes_of(vs_answer{}),
      bytes_of(vs_answer{}, vs_dns_addresses{.result = VS_DNS_FOUND}),
      bytes_of(vs_answer{}, vs_dns_addresses{.result = 9}),
      bytes_of(vs_answer{}, vs_dns_addresses{.result = VS_DNS_FOUND, .address_count = 2}, address),
      bytes_of(vs_answer{}, vs_dns_addresses{.result = VS_DNS_FOUND, .address_count = 0xffff},
               address),
      bytes_of(vs_answer{}, vs_dns_addresses{.result = VS_DNS_FOUND, .address_count = 1}, strange),
      bytes_of(vs_answer{},
               vs_dns_addresses{.result = VS_DNS_FOUND, .address_count = 1, .name_bytes = 4},
               address, std::array<char, 4>{'a', 0, 'b', 'c'}),
      bytes_of(vs_answer{},
               vs_dns_addresses{.result = VS_DNS_FOUND, .address_count = 1, .name_bytes = 300},
               address),
  };
  for (std::size_t i = 0; i < answers.size(); ++i)
    EXPECT_EQ(resolve_status([&](RingProducer& ring, std::uint64_t cookie) {
                (void)ring.push(VS_RECORD_ANSWER, cookie, {answers[i]});
              }),
              -EPROTO)
        << "answer " << i;
}

// Answers every request and rings `doorbells` times for it, or answers none and never stops ringing: how often the frontend stopped listening in `calls` calls.
std::uint64_t pauses_in(int calls, int doorbells, bool answers_at_all) {
  Region region;
  const auto found = bytes_of(vs_answer{}, vs_dns_addresses{.result = VS_DNS_NO_NAME});
  const EvilBackend backend([&](int socket) {
    welcome(socket, region.memory.get(), good_welcome(region));
    RingConsumer requests(consumer_memory(region.bytes, region.header.request));
    RingProducer answers(producer_memory(region.bytes, region.header.response));
    std::vector<std::byte> into(requests.payload_bytes_max());
    char bell;
    while (::recv(socket, &bell, 1, 0) > 0) do {
      const auto taken = requests.take(into);
      if (!taken || !*taken) continue;
      if (answers_at_all) (void)answers.push(VS_RECORD_ANSWER, (*taken)->cookie, {found});
      answers.publish();
      requests.release();
      for (int i = 0; i < doorbells; ++i) ::send(socket, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
      while (!answers_at_all && (::send(socket, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 || errno == EAGAIN))
        std::this_thread::yield();  // until the frontend hangs up
    } while (!requests.ask_for_data());
  });
  vs_device* device = nullptr;
  EXPECT_EQ(vs_open("dns", "dns", 20'000, &device), 0);
  for (int call = 0; call < calls; ++call) {
    vs_dns_result_set* set = nullptr;
    const int status = vs_dns_resolve(device, "a.test", AF_UNSPEC, answers_at_all ? 20'000 : 1000, &set);
    EXPECT_EQ(status, answers_at_all ? 0 : -ETIMEDOUT);
    vs_dns_free(set);
  }
  vs_stats stats;
  vs_get_stats(device, &stats);
  vs_close(device);
  return stats.doorbell_pauses;
}

TEST(RuleS11, ABackendThatRingsWithoutEndIsListenedToLessAndLess) {
  EXPECT_GE(pauses_in(1, 0, false), 3u);
}

TEST(RuleS11, DoorbellsThatCrossWithAnswersSlowNobody) { EXPECT_EQ(pauses_in(500, 2, true), 0u); }

TEST(RuleS20, AnAnswerThatAlwaysGrowsIsGivenUp) {
  std::uint32_t needed = 8192;
  EXPECT_EQ(
      resolve_status([&](RingProducer& ring, std::uint64_t cookie) {
        (void)ring.push(
            VS_RECORD_ANSWER, cookie,
            {bytes_of(vs_answer{.status = VS_STATUS_TOO_LARGE, .bytes_needed = needed += 1024})});
      }),
      -EMSGSIZE);
}

// One backend for several calls: each request it sees is given to `serve`.
class Served {
 public:
  using Serve = std::function<void(int socket, RingProducer& answers, const RingRecord& request)>;
  explicit Served(Serve serve, bool gives_space_back = false)
      : gives_space_back_(gives_space_back),
        backend_([this, serve](int socket) { run(socket, serve); }) {
    EXPECT_EQ(vs_open("dns", "dns", 20'000, &device_), 0);
  }
  ~Served() { vs_close(device_); }

  int call(std::size_t request_bytes, int timeout_ms = 20'000) {
    const std::vector<char> request(request_bytes);
    const void* answer = nullptr;
    std::size_t bytes = 0;
    return vs_call(device_, VS_DNS_LOOKUP, request.data(), request.size(), 64, timeout_ms, &answer,
                   &bytes);
  }
  int welcomes() const { return welcomes_; }

 private:
  bool client_wants_space() {
    auto* prod =
        reinterpret_cast<vs_prod_page*>(&region_.bytes[region_.header.request.prod_offset]);
    return std::atomic_ref(prod->space_event).load() != 0x7fffffffu;
  }
  void run(int socket, const Serve& serve) {
    ++welcomes_;
    std::memset(&region_.bytes[VS_PAGE_BYTES], 0, region_.bytes.size() - VS_PAGE_BYTES);
    welcome(socket, region_.memory.get(), good_welcome(region_));
    RingConsumer requests(consumer_memory(region_.bytes, region_.header.request));
    RingProducer answers(producer_memory(region_.bytes, region_.header.response));
    std::vector<std::byte> into(requests.payload_bytes_max());
    (void)requests.ask_for_data();
    for (;;) {
      char bell;
      const ssize_t received = ::recv(socket, &bell, 1, MSG_DONTWAIT);
      if (received == 0 || (received < 0 && errno != EAGAIN)) return;
      for (auto taken = requests.take(into); taken && *taken; taken = requests.take(into)) {
        serve(socket, answers, **taken);
        (void)requests.ask_for_data();
      }
      // As late as can be: when the client says that it waits.
      if (gives_space_back_ && client_wants_space() && requests.release())
        ::send(socket, "", 1, MSG_NOSIGNAL);
      std::this_thread::yield();
    }
  }

  bool gives_space_back_;
  Region region_;
  std::atomic<int> welcomes_ = 0;
  vs_device* device_ = nullptr;
  EvilBackend backend_;
};

void answer(int socket, RingProducer& answers, std::uint64_t cookie) {
  (void)answers.push(VS_RECORD_ANSWER, cookie, {bytes_of(vs_answer{})});
  answers.publish();
  ::send(socket, "", 1, MSG_NOSIGNAL);
}

TEST(RuleS5, AnAnswerThatComesTwiceBreaksTheNextCall) {
  Served served([](int socket, RingProducer& answers, const RingRecord& request) {
    (void)answers.push(VS_RECORD_ANSWER, request.cookie, {bytes_of(vs_answer{})});
    answer(socket, answers, request.cookie);
  });
  EXPECT_EQ(served.call(8), 0);
  EXPECT_EQ(served.call(8), -EPROTO);
}

TEST(RuleS20, ADeviceWhoseRingWasBrokenStaysDisabled) {
  Served served([](int socket, RingProducer& answers, const RingRecord& request) {
    answer(socket, answers, request.cookie + 7);
  });
  EXPECT_EQ(served.call(8), -EPROTO);
  EXPECT_EQ(served.call(8), -EPROTO);
  EXPECT_EQ(served.welcomes(), 1) << "not even a new connection is asked for";
}

TEST(RuleS20, ABackendThatNeverGivesSpaceBackCostsTheCallItsTime) {
  Served served([](int socket, RingProducer& answers, const RingRecord& request) {
    answer(socket, answers, request.cookie);
  });
  int calls = 0;
  while (served.call(3000, 300) == 0) ASSERT_LT(++calls, 100);
  EXPECT_EQ(served.welcomes(), 1);
  EXPECT_EQ(served.call(8), 0) << "another connection, another ring";
}

// A backend takes a batch before it gives the space back; a batch may be more than the ring holds.
TEST(RuleS20, ABackendThatGivesSpaceBackLateIsWaitedFor) {
  Served served([](int socket, RingProducer& answers,
                   const RingRecord& request) { answer(socket, answers, request.cookie); },
                true);
  for (int calls = 0; calls < 12; ++calls) EXPECT_EQ(served.call(3000), 0) << calls;
  EXPECT_EQ(served.welcomes(), 1);
}

}  // namespace
}  // namespace vs::test
