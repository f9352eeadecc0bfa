// The frontend believes its backend as little as the backend believes guests: whatever comes, the
// call ends with an error (rules S-5, S-8, S-15, S-20). Of its doorbells, see frontend_doorbells_test.cc.
#include <fcntl.h>
#include <poll.h>

#include <array>
#include <atomic>

#include "evil_backend.h"
#include "tests/fuzz/memory.h"

namespace vs::test {
namespace {

std::vector<int> with_memory(const Region& region, int memory) {
  auto gifts = gifts_of(region);
  gifts[0] = memory;
  return gifts;
}

TEST(RuleS8, RegionsThatAreNoneAreNotMapped) {
  struct Case {
    const char* what;
    std::function<void(int, Region&)> behave;
  };
  const Case cases[] = {
      {"no descriptor",
       [](int socket, Region& region) { welcome(socket, good_welcome(region), {}); }},
      {"wrong magic",
       [](int socket, Region& region) { welcome(socket, {.magic = 1}, gifts_of(region)); }},
      {"says it is larger than it is",
       [](int socket, Region& region) {
         auto message = good_welcome(region);
         message.region_bytes *= 2;
         welcome(socket, message, gifts_of(region));
       }},
      {"no size",
       [](int socket, Region& region) {
         welcome(socket, {.magic = VS_LOCAL_MAGIC, .status = VS_STATUS_OK}, gifts_of(region));
       }},
      {"a header of nonsense",
       [](int socket, Region& region) {
         std::memset(region.bytes.data(), 0xff, VS_PAGE_BYTES);
         welcome(socket, region);
       }},
      {"a status nobody knows",
       [](int socket, Region& region) {
         auto message = good_welcome(region);
         message.status = 99;
         welcome(socket, message, gifts_of(region));
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
      [&](int socket) { welcome(socket, unsealed); });
  EXPECT_EQ(open_status(), -EPROTO);
}

TEST(RuleS15, MemoryThatLacksOneSealIsNotMapped) {
  for (const int seals :
       {F_SEAL_GROW | F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_GROW}) {
    Region region(seals);
    const EvilBackend backend(
        [&](int socket) { welcome(socket, region); });
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
  const EvilBackend backend([&](int socket) { welcome(socket, good_welcome(region), with_memory(region, file.get())); });
  EXPECT_EQ(open_status(), -EPROTO);
}

TEST(RuleS15, MemoryThatCannotBeWrittenIsNoRegion) {
  Region region;
  const UniqueFd read_only(::open(("/proc/self/fd/" + std::to_string(region.memory.get())).c_str(),
                                  O_RDONLY | O_CLOEXEC));
  const EvilBackend backend(
      [&](int socket) { welcome(socket, good_welcome(region), with_memory(region, read_only.get())); });
  EXPECT_EQ(open_status(), -EPROTO);
}

TEST(RuleS15, DescriptorsThatNobodyAskedForDoNotStayOpen) {
  const auto open_descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  };
  Region region;
  const Pool pool;
  const auto before = open_descriptors();
  {
    const EvilBackend backend([&](int socket) { welcome(socket, region, region.memory.get()); });
    EXPECT_EQ(open_status(), -EPROTO) << "no pool";
  }
  for (const std::size_t count : {5, 6}) {
    auto more = gifts_of(region, pool.memory.get());
    more.resize(count, pool.memory.get());
    const EvilBackend backend([&](int socket) { welcome(socket, good_welcome(region), more); });
    EXPECT_EQ(open_status(), -EPROTO) << (count == 5 ? "no broadcast ring" : "a sixth one");
  }
  {
    const EvilBackend backend([&](int socket) { fuzz::send_with(socket, {}, gifts_of(region)); });
    EXPECT_EQ(open_status(200), -ECONNREFUSED);
  }
  EXPECT_EQ(open_descriptors(), before);
}

// A welcome with a region and doorbells that are good, and one descriptor more.
int open_status_with(int pool) {
  Region region;
  const EvilBackend backend([&](int socket) { welcome(socket, region, pool); });
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
  using Serve = std::function<void(const fuzz::Bells& bells, RingProducer& answers, const RingRecord& request)>;
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
    welcome(socket, region_);
    RingConsumer requests(consumer_memory(region_.bytes, region_.header.request));
    RingProducer answers(producer_memory(region_.bytes, region_.header.response));
    std::vector<std::byte> into(requests.payload_bytes_max());
    (void)requests.ask_for_data();
    for (;;) {
      pollfd end{.fd = socket, .events = POLLRDHUP};
      if (::poll(&end, 1, 0) != 0) return;
      for (auto taken = requests.take(into); taken && *taken; taken = requests.take(into)) {
        serve(region_.bells, answers, **taken);
        (void)requests.ask_for_data();
      }
      // As late as can be: when the client says that it waits.
      if (gives_space_back_ && client_wants_space() && requests.release()) region_.bells.ring();
      std::this_thread::yield();
    }
  }

  bool gives_space_back_;
  Region region_;
  std::atomic<int> welcomes_ = 0;
  vs_device* device_ = nullptr;
  EvilBackend backend_;
};

void answer(const fuzz::Bells& bells, RingProducer& answers, std::uint64_t cookie) {
  (void)answers.push(VS_RECORD_ANSWER, cookie, {bytes_of(vs_answer{})});
  answers.publish();
  bells.ring();
}

TEST(RuleS5, AnAnswerThatComesTwiceBreaksTheNextCall) {
  Served served([](const fuzz::Bells& bells, RingProducer& answers, const RingRecord& request) {
    (void)answers.push(VS_RECORD_ANSWER, request.cookie, {bytes_of(vs_answer{})});
    answer(bells, answers, request.cookie);
  });
  EXPECT_EQ(served.call(8), 0);
  EXPECT_EQ(served.call(8), -EPROTO);
}

TEST(RuleS20, ADeviceWhoseRingWasBrokenStaysDisabled) {
  Served served([](const fuzz::Bells& bells, RingProducer& answers, const RingRecord& request) {
    answer(bells, answers, request.cookie + 7);
  });
  EXPECT_EQ(served.call(8), -EPROTO);
  EXPECT_EQ(served.call(8), -EPROTO);
  EXPECT_EQ(served.welcomes(), 1) << "not even a new connection is asked for";
}

TEST(RuleS20, ABackendThatNeverGivesSpaceBackCostsTheCallItsTime) {
  Served served([](const fuzz::Bells& bells, RingProducer& answers, const RingRecord& request) {
    answer(bells, answers, request.cookie);
  });
  int calls = 0;
  while (served.call(3000, 300) == 0) ASSERT_LT(++calls, 100);
  EXPECT_EQ(served.welcomes(), 1);
  EXPECT_EQ(served.call(8), 0) << "another connection, another ring";
}

// A backend takes a batch before it gives the space back; a batch may be more than the ring holds.
TEST(RuleS20, ABackendThatGivesSpaceBackLateIsWaitedFor) {
  Served served([](const fuzz::Bells& bells, RingProducer& answers,
                   const RingRecord& request) { answer(bells, answers, request.cookie); },
                true);
  for (int calls = 0; calls < 12; ++calls) EXPECT_EQ(served.call(3000), 0) << calls;
  EXPECT_EQ(served.welcomes(), 1);
}

}  // namespace
}  // namespace vs::test
