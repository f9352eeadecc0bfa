// How the two sides come together: region headers judged alike in C++ and C, hellos judged by the
// backend's transport, welcomes with whatever descriptors judged by the library. What is accepted
// is what the contract says, and really can be used; what is refused leaves nothing open (rules S-8
// and S-15).
#include <fuzzer/FuzzedDataProvider.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "dataplane/abi/local.h"
#include "dataplane/transport/local/local_socket.h"
#include "tests/fuzz/bells.h"
#include "tests/fuzz/frontend_world.h"
#include "tests/fuzz/memory.h"

extern "C" {
#include "dataplane/client/session.h"
}

namespace vs::fuzz {
namespace {

inline constexpr int kTimeoutMs = 2500;
inline constexpr std::size_t kMemoryBytes = 1 << 20;

std::uint32_t some_number(FuzzedDataProvider& input) {
  switch (input.ConsumeIntegralInRange<int>(0, 3)) {
    case 0: return input.ConsumeIntegral<std::uint32_t>();
    case 1: return input.ConsumeIntegralInRange<std::uint32_t>(0, 40);
    default: return input.ConsumeIntegralInRange<std::uint32_t>(0, 80) * VS_PAGE_BYTES;
  }
}

// A good header, some of whose fields are something else.
vs_region_header some_header(FuzzedDataProvider& input) {
  vs_region_header header =
      make_header({.request_bytes_log2 = input.ConsumeIntegralInRange<std::uint32_t>(12, 14),
                   .response_bytes_log2 = input.ConsumeIntegralInRange<std::uint32_t>(12, 15)},
                  1);
  std::uint32_t* const fields[] = {&header.magic,
                                   &header.bytes,
                                   &header.request.prod_offset,
                                   &header.request.cons_offset,
                                   &header.request.data_offset,
                                   &header.request.data_bytes_log2,
                                   &header.response.prod_offset,
                                   &header.response.cons_offset,
                                   &header.response.data_offset,
                                   &header.response.data_bytes_log2};
  for (int spoiled = input.ConsumeIntegralInRange<int>(0, 3); spoiled > 0; --spoiled) {
    std::uint32_t& field =
        *fields[input.ConsumeIntegralInRange<std::size_t>(0, std::size(fields) - 1)];
    field = input.ConsumeBool()
                ? some_number(input)
                : *fields[input.ConsumeIntegralInRange<std::size_t>(0, std::size(fields) - 1)];
  }
  if (input.ConsumeIntegralInRange<int>(0, 15) == 0)
    header.major = input.ConsumeIntegral<std::uint16_t>();
  return header;
}

// The contract, by marking pages: each part inside, on page borders, no page twice.
bool is_region(const vs_region_header& header, std::size_t mapped_bytes) {
  if (header.magic != VS_REGION_MAGIC || header.major != VS_REGION_MAJOR) return false;
  if (header.bytes > VS_REGION_BYTES_MAX || header.bytes > mapped_bytes) return false;
  std::vector<bool> taken(header.bytes / VS_PAGE_BYTES);
  const auto take = [&](std::uint64_t offset, std::uint64_t bytes) {
    if (offset % VS_PAGE_BYTES != 0 || offset + bytes > header.bytes) return false;
    for (std::uint64_t page = offset / VS_PAGE_BYTES; page < (offset + bytes) / VS_PAGE_BYTES;
         ++page) {
      if (taken[page]) return false;
      taken[page] = true;
    }
    return true;
  };
  if (!take(0, VS_PAGE_BYTES)) return false;
  for (const vs_ring_place* place : {&header.request, &header.response}) {
    if (place->data_bytes_log2 < VS_RING_BYTES_LOG2_MIN ||
        place->data_bytes_log2 > VS_RING_BYTES_LOG2_MAX)
      return false;
    if (!take(place->prod_offset, VS_PAGE_BYTES) || !take(place->cons_offset, VS_PAGE_BYTES) ||
        !take(place->data_offset, std::uint64_t{1} << place->data_bytes_log2))
      return false;
  }
  return true;
}

void judge_headers(FuzzedDataProvider& input) {
  const vs_region_header header = some_header(input);
  const std::size_t mapped = input.ConsumeBool() ? header.bytes : some_number(input);
  const bool expected = is_region(header, mapped);
  VS_CHECK(judge_header(header, mapped).has_value() == expected);
  VS_CHECK((vs_judge_header(&header, mapped) == 0) == expected);
}

void judge_hello(FuzzedDataProvider& input) {
  vs_local_hello hello{.magic = VS_LOCAL_MAGIC,
                       .major = VS_REGION_MAJOR,
                       .generation = input.ConsumeIntegral<std::uint32_t>()};
  for (auto& byte : hello.service) byte = input.ConsumeIntegral<std::uint8_t>();
  for (auto& byte : hello.device) byte = input.ConsumeIntegral<std::uint8_t>();
  if (input.ConsumeIntegralInRange<int>(0, 7) == 0)
    hello.features = input.ConsumeIntegral<std::uint64_t>();
  if (input.ConsumeIntegralInRange<int>(0, 7) == 0)
    hello.magic = input.ConsumeIntegral<std::uint32_t>();
  if (input.ConsumeIntegralInRange<int>(0, 7) == 0)
    hello.major = input.ConsumeIntegral<std::uint16_t>();
  std::vector<std::byte> bytes(sizeof hello);
  std::memcpy(bytes.data(), &hello, sizeof hello);
  if (input.ConsumeIntegralInRange<int>(0, 7) == 0)
    bytes.resize(input.ConsumeIntegralInRange<std::size_t>(0, 200));
  else if (input.ConsumeIntegralInRange<int>(0, 15) == 0)
    bytes.resize(VS_LOCAL_HELLO_BYTES_MIN);

  int ends[2];
  VS_CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
  const UniqueFd node(ends[0]);
  const UniqueFd guest(ends[1]);
  vs_refusal reason{};
  VS_CHECK(!*receive_hello(node.get(), reason));
  const std::array gifts{ends[0], ends[1], ends[0],
                         ends[1]};  // nobody asked for them: they must not stay open
  send_with(guest.get(), bytes,
            std::span(gifts).first(input.ConsumeIntegralInRange<std::size_t>(0, gifts.size())));
  const auto judged = receive_hello(node.get(), reason);
  const bool of_length = bytes.size() == sizeof hello || bytes.size() == VS_LOCAL_HELLO_BYTES_MIN;
  const bool expected = of_length && hello.magic == VS_LOCAL_MAGIC &&
                        hello.major == VS_REGION_MAJOR && (hello.features & ~std::uint64_t{VS_REGION_FEATURES}) == 0;
  VS_CHECK(judged.has_value() == expected);
  VS_CHECK(expected == (reason == VS_REFUSAL_NONE));
  if (!judged) return;
  VS_CHECK(*judged && (*judged)->generation == hello.generation &&
           (*judged)->service.size() <= sizeof hello.service &&
           (*judged)->device.size() <= sizeof hello.device);
  VS_CHECK(std::memcmp((*judged)->service.data(), hello.service, (*judged)->service.size()) == 0);
}

// Descriptors a backend may send, made once; those that can become regions are mapped, too.
struct Gift {
  UniqueFd fd;
  std::size_t bytes;
  bool sealed;  // memory that can change its size no more
  bool writable;
  std::span<std::byte> mapped;
};
std::vector<Gift> make_gifts() {
  std::vector<Gift> gifts;
  const auto memory = [&](int seals) {
    UniqueFd fd = make_memory(kMemoryBytes, seals);
    const auto mapped = map_memory(fd.get(), kMemoryBytes);
    gifts.push_back({std::move(fd), kMemoryBytes, seals == kSeals, true, mapped});
  };
  memory(kSeals);
  for (const int seals : {0, F_SEAL_SHRINK, F_SEAL_GROW | F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_SEAL,
                          F_SEAL_SHRINK | F_SEAL_GROW})
    memory(seals);
  {
    UniqueFd whole = make_memory(kMemoryBytes, kSeals);
    const auto mapped = map_memory(whole.get(), kMemoryBytes);
    UniqueFd fd(
        ::open(("/proc/self/fd/" + std::to_string(whole.get())).c_str(), O_RDONLY | O_CLOEXEC));
    gifts.push_back({std::move(fd), kMemoryBytes, true, false, mapped});
  }
  std::FILE* file = std::tmpfile();  // a regular file, as large as it should be
  VS_CHECK(file != nullptr && ::ftruncate(::fileno(file), kMemoryBytes) == 0);
  gifts.push_back({UniqueFd(::fcntl(::fileno(file), F_DUPFD_CLOEXEC, 0)), kMemoryBytes, false, true,
                   map_memory(::fileno(file), kMemoryBytes)});
  std::fclose(file);
  for (const char* path : {"/dev/zero", "/proc/self/exe", "/"})
    gifts.push_back({UniqueFd(::open(path, O_RDONLY | O_CLOEXEC)), 0, false, false, {}});
  gifts.push_back({UniqueFd(::epoll_create1(EPOLL_CLOEXEC)), 0, false, false, {}});
  gifts.push_back({UniqueFd(::eventfd(2, EFD_CLOEXEC)), 0, false, false, {}});
  gifts.push_back({UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE)), 0, false, false, {}});
  return gifts;
}

class Welcomer final : public World {
 public:
  Welcomer(FuzzedDataProvider& input, std::vector<Gift>& gifts) : input_(input), gifts_(gifts) {}

  void receives() override {
    if (std::exchange(welcomed_, true)) return;
    vs_local_hello hello;
    VS_CHECK(::recv(peer(), &hello, sizeof hello, MSG_DONTWAIT) == sizeof hello);
    message_ = {.magic = VS_LOCAL_MAGIC, .status = VS_STATUS_OK};
    gift_ =
        input_.ConsumeBool() ? 0 : input_.ConsumeIntegralInRange<std::size_t>(0, gifts_.size() - 1);
    const Gift& gift = gifts_[gift_];
    header_ = some_header(input_);
    message_.region_bytes =
        input_.ConsumeIntegralInRange<int>(0, 3) != 0 ? header_.bytes : some_number(input_);
    if (!gift.mapped.empty()) std::memcpy(gift.mapped.data(), &header_, sizeof header_);
    if (input_.ConsumeIntegralInRange<int>(0, 7) == 0)
      message_.magic = input_.ConsumeIntegral<std::uint32_t>();
    if (input_.ConsumeIntegralInRange<int>(0, 7) == 0)
      message_.status = input_.ConsumeIntegralInRange<std::uint32_t>(0, 12);
    std::vector<std::byte> bytes(sizeof message_);
    std::memcpy(bytes.data(), &message_, sizeof message_);
    if (input_.ConsumeIntegralInRange<int>(0, 7) == 0)
      bytes.resize(input_.ConsumeIntegralInRange<std::size_t>(0, 24));
    message_bytes_ = bytes.size();
    std::vector<int> fds{gift.fd.get(), some_bell(bells_.from_guest.fd()), some_bell(bells_.to_guest.fd())};
    if (input_.ConsumeIntegralInRange<int>(0, 3) == 0)
      fds.resize(input_.ConsumeIntegralInRange<std::size_t>(0, 6), gift.fd.get());
    descriptors_ = fds.size();
    send_with(peer(), bytes, fds);
    if (input_.ConsumeIntegralInRange<int>(0, 7) == 0) hang_up();
  }

  // What was sent, for a reader of a crash.
  [[nodiscard]] std::string story() const {
    return "welcome of " + std::to_string(message_bytes_) + " bytes, status " +
           std::to_string(message_.status) + ", " + std::to_string(descriptors_) +
           " descriptors of kind " + std::to_string(gift_) + (bells_spoiled_ ? ", no doorbells" : "") + ", region of " +
           std::to_string(message_.region_bytes) + " bytes, header says " +
           std::to_string(header_.bytes);
  }
  // Whether the welcome was one.
  [[nodiscard]] bool is_good() const {
    if (!welcomed_ || message_bytes_ != sizeof message_ || descriptors_ != 3 || bells_spoiled_) return false;
    const Gift& gift = gifts_[gift_];
    return message_.magic == VS_LOCAL_MAGIC && message_.status == VS_STATUS_OK && gift.sealed &&
           gift.writable && message_.region_bytes >= VS_PAGE_BYTES &&
           message_.region_bytes <= gift.bytes && is_region(header_, message_.region_bytes);
  }

 private:
  // A doorbell, or now and then something that is none.
  int some_bell(int good) {
    if (input_.ConsumeIntegralInRange<int>(0, 7) != 0) return good;
    bells_spoiled_ = true;
    return gifts_[input_.ConsumeIntegralInRange<std::size_t>(0, gifts_.size() - 1)].fd.get();
  }

  FuzzedDataProvider& input_;
  std::vector<Gift>& gifts_;
  Bells bells_;
  bool bells_spoiled_ = false;
  vs_local_welcome message_{};
  vs_region_header header_{};
  std::size_t gift_ = 0;
  std::size_t message_bytes_ = 0;
  std::size_t descriptors_ = 0;
  bool welcomed_ = false;
};

// Every byte that the rings may touch can be touched.
void use(vs_session& session) {
  const unsigned char request[32] = {};
  VS_CHECK(vs_producer_push(&session.requests, VS_RECORD_SERVICE, 1, request, sizeof request,
                            nullptr, 0) >= -EPROTO);
  session.requests.data[session.requests.size - 1] = 1;
  vs_consumer_give_up(&session.answers, VS_BROKEN_TYPE);
  volatile unsigned char last = session.answers.data[session.answers.size - 1];
  (void)last;
}

void open_session(FuzzedDataProvider& input) {
  static std::vector<Gift> gifts = make_gifts();
  const int descriptors = open_descriptors();
  {
    Welcomer backend(input, gifts);
    vs_session session;
    const vs_opening opening{
        .path = "device", .service = "dns", .generation = 1, .deadline_ms = vs_now_ms() + kTimeoutMs};
    const int status = vs_session_open(&session, &opening);
    if ((status == 0) != backend.is_good())
      std::fprintf(stderr, "status %d, %s\n", status, backend.story().c_str());
    VS_CHECK((status == 0) == backend.is_good());
    if (status == 0) {
      use(session);
      vs_session_close(&session);
    }
  }
  VS_CHECK(open_descriptors() == descriptors);
}

}  // namespace
}  // namespace vs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  FuzzedDataProvider input(bytes, size);
  switch (input.ConsumeIntegralInRange<int>(0, 3)) {
    case 0: vs::fuzz::judge_headers(input); break;
    case 1: vs::fuzz::judge_hello(input); break;
    default: vs::fuzz::open_session(input); break;
  }
  return 0;
}
