// A backend that answers whatever it likes against the real library: each call ends within its time
// with an error or with an answer to its own request, whole; a device whose ring was broken
// believes nothing more (rules S-5 and S-20).
#include <fuzzer/FuzzedDataProvider.h>

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <vector>

#include "dataplane/abi/dns.h"
#include "dataplane/abi/local.h"
#include "tests/fuzz/bells.h"
#include "tests/fuzz/frontend_world.h"
#include "tests/fuzz/memory.h"

extern "C" {
#include "dataplane/client/vservice.h"
}

namespace vs::fuzz {
namespace {

inline constexpr int kTimeoutMs = 3000;
inline constexpr int kCallsMax = 6;
inline constexpr int kTriesMax =
    4;  // of one call over one connection: the answer may grow three times
inline constexpr std::size_t kAnswerBytesMax =
    8192 - sizeof(vs_record) - sizeof(vs_answer);  // the library's buffer ends there

// The region, made once: opening and closing it is the library's affair.
struct Shared {
  vs_region_header header = make_header({.request_bytes_log2 = 12, .response_bytes_log2 = 16}, 1);
  UniqueFd memory = make_memory(header.bytes, kSeals);
  std::span<std::byte> bytes = map_memory(memory.get(), header.bytes);

  void reset() {
    std::memset(bytes.data(), 0, bytes.size());
    std::memcpy(bytes.data(), &header, sizeof header);
  }
  std::span<std::byte> data(const vs_ring_place& place) {
    return bytes.subspan(place.data_offset, std::size_t{1} << place.data_bytes_log2);
  }
};

struct Written {
  std::uint16_t type;
  std::uint64_t cookie;
  std::vector<std::byte> payload;
};

class EvilBackend final : public World {
 public:
  EvilBackend(FuzzedDataProvider& input, Shared& shared) : input_(input), shared_(shared) {}

  void connected() override {
    shared_.reset();
    bells_.emplace();
    written_.clear();
    at_ = 0;
    asked_at_ = 0;
    welcomed_ = false;
  }
  void sent() override { act(); }
  void receives() override {
    if (!welcomed_) {
      welcomed_ = true;
      return welcome();
    }
    act();
  }

  [[nodiscard]] const std::vector<Written>& written() const { return written_; }
  // Whether there may be other records in the ring than `written`.
  [[nodiscard]] bool spoiled() const { return spoiled_; }
  std::uint64_t cookie() {
    vs_record request{};
    const auto data = shared_.data(shared_.header.request);
    for (std::uint32_t at = asked_at_;
         at < data.size();) {  // the newest request: records lie one behind the other
      std::memcpy(&request, &data[at], sizeof request);
      if (request.commit_bytes == 0) break;
      cookie_ = request.cookie;
      asked_ = request.type;
      asked_at_ = at;
      at += record_bytes(request.commit_bytes);
    }
    return cookie_;
  }

 private:
  void welcome() {
    vs_local_welcome message{
        .magic = VS_LOCAL_MAGIC, .status = VS_STATUS_OK, .region_bytes = shared_.header.bytes};
    if (input_.ConsumeIntegralInRange<int>(0, 31) == 0)
      message.status = input_.ConsumeIntegralInRange<std::uint32_t>(0, 12);
    const std::array gifts{shared_.memory.get(), bells_->from_guest.fd(), bells_->to_guest.fd()};
    send_with(peer(), std::as_bytes(std::span(&message, 1)), gifts);
  }

  void act() {
    if (peer() < 0) return;
    for (int acts = grows_ ? 1 : input_.ConsumeIntegralInRange<int>(0, 3); acts > 0; --acts) {
      switch (grows_ ? 15 : input_.ConsumeIntegralInRange<int>(0, 15)) {
        case 0: hang_up(); return;
        case 1: spoil_doorbell(); break;
        case 2: spoil(); break;
        case 3: give_space_back(); break;
        default: write_record(); break;
      }
    }
    if (input_.ConsumeIntegralInRange<int>(0, 7) != 0) bells_->ring();
  }

  // Fills one up again, so that its rings are not heard, or takes some out.
  void spoil_doorbell() {
    const int bell = input_.ConsumeBool() ? bells_->from_guest.fd() : bells_->to_guest.fd();
    std::uint64_t count = input_.ConsumeIntegralInRange<std::uint64_t>(1, 3);
    if (input_.ConsumeBool())
      (void)!::write(bell, &count, sizeof count);
    else
      (void)!::read(bell, &count, sizeof count);
    if (input_.ConsumeBool()) send_with(peer(), std::as_bytes(std::span(&count, 1)), {});
  }

  void spoil() {
    spoiled_ = true;
    const std::size_t at =
        input_.ConsumeIntegralInRange<std::size_t>(VS_PAGE_BYTES, shared_.bytes.size() - 1);
    shared_.bytes[at] = static_cast<std::byte>(input_.ConsumeIntegral<std::uint8_t>());
  }

  void give_space_back() {
    auto& cons =
        *reinterpret_cast<vs_cons_page*>(&shared_.bytes[shared_.header.request.cons_offset]);
    const auto& prod =
        *reinterpret_cast<vs_prod_page*>(&shared_.bytes[shared_.header.request.prod_offset]);
    cons.cons = input_.ConsumeBool() ? prod.prod : input_.ConsumeIntegral<std::uint32_t>();
    cons.data_event = input_.ConsumeBool() ? prod.prod : input_.ConsumeIntegral<std::uint32_t>();
  }

  template <class T>
  static void add(std::vector<std::byte>& to, const T& what) {
    const auto bytes = std::as_bytes(std::span(&what, 1));
    to.insert(to.end(), bytes.begin(), bytes.end());
  }
  void add_text(std::vector<std::byte>& to, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i)
      to.push_back(i == 7 && input_.ConsumeIntegralInRange<int>(0, 15) == 0 ? std::byte{}
                                                                            : std::byte{'n'});
  }

  std::vector<std::byte> some_addresses() {
    vs_dns_addresses head{.result = input_.ConsumeIntegralInRange<std::uint32_t>(0, 4),
                          .address_count = input_.ConsumeIntegralInRange<std::uint16_t>(0, 5),
                          .name_bytes = input_.ConsumeIntegralInRange<std::uint16_t>(0, 260)};
    std::vector<std::byte> body;
    for (int i = 0; i < head.address_count; ++i)
      add(body,
          vs_dns_address{.family = input_.PickValueInArray<std::uint8_t>({4, 6, 4, 6, 0, 9})});
    add_text(body, head.name_bytes);
    return with_lies(head, head.address_count, body);
  }
  std::vector<std::byte> some_names() {
    vs_dns_names head{.result = input_.ConsumeIntegralInRange<std::uint32_t>(0, 4),
                      .name_count = input_.ConsumeIntegralInRange<std::uint16_t>(0, 70)};
    std::vector<std::byte> body;
    for (int i = 0; i < head.name_count; ++i) {
      const auto bytes = input_.ConsumeIntegralInRange<std::uint16_t>(0, 40);
      add(body, input_.ConsumeIntegralInRange<int>(0, 63) == 0
                    ? input_.ConsumeIntegral<std::uint16_t>()
                    : bytes);
      add_text(body, bytes);
    }
    return with_lies(head, head.name_count, body);
  }
  // Head and body, now and then with another count than there are, and cut or lengthened.
  template <class Head>
  std::vector<std::byte> with_lies(Head& head, std::uint16_t& count,
                                   const std::vector<std::byte>& body) {
    if (input_.ConsumeIntegralInRange<int>(0, 7) == 0)
      count = input_.ConsumeBool() ? input_.ConsumeIntegral<std::uint16_t>()
                                   : input_.ConsumeIntegralInRange<std::uint16_t>(0, 1300);
    std::vector<std::byte> all;
    add(all, head);
    all.insert(all.end(), body.begin(), body.end());
    if (input_.ConsumeIntegralInRange<int>(0, 7) == 0)
      all.resize(input_.ConsumeIntegralInRange<std::size_t>(0, kAnswerBytesMax));
    return all;
  }

  std::vector<std::byte> some_payload() {
    vs_answer head{};
    if (input_.ConsumeIntegralInRange<int>(0, 3) == 0) {
      head.status = input_.ConsumeIntegralInRange<std::uint32_t>(0, 10);
      head.bytes_needed = input_.ConsumeBool()
                              ? input_.ConsumeIntegralInRange<std::uint32_t>(0, 1100)
                              : input_.ConsumeIntegral<std::uint32_t>();
    }
    if (input_.ConsumeIntegralInRange<int>(0, 31) == 0) grows_ = true;
    if (grows_) head = {.status = VS_STATUS_TOO_LARGE, .bytes_needed = bytes_needed_ += 16};
    std::vector<std::byte> body;
    const int kind = input_.ConsumeIntegralInRange<int>(0, 7);
    (void)cookie();  // sees what was asked
    if (kind == 0)
      body = input_.ConsumeBytes<std::byte>(input_.ConsumeIntegralInRange<std::size_t>(0, 64));
    else
      body = (asked_ == VS_DNS_LOOKUP) == (kind != 1) ? some_addresses() : some_names();
    std::vector<std::byte> payload;
    add(payload, head);
    payload.insert(payload.end(), body.begin(), body.end());
    if (input_.ConsumeIntegralInRange<int>(0, 15) == 0)
      payload.resize(input_.ConsumeIntegralInRange<std::size_t>(0, 16));
    return payload;
  }

  // One record behind the last, with the cookie of the open request, or with another.
  void write_record() {
    const auto data = shared_.data(shared_.header.response);
    const std::vector<std::byte> payload = some_payload();
    const auto rest = static_cast<std::uint32_t>(data.size()) - at_;
    const bool usual = input_.ConsumeIntegralInRange<int>(0, 7) != 0;
    vs_record record{.commit_bytes = static_cast<std::uint32_t>(sizeof record + payload.size()),
                     .type = VS_RECORD_ANSWER,
                     .cookie = cookie()};
    const std::uint32_t taken = record_bytes(record.commit_bytes);
    if (taken > data.size() / VS_RECORD_PART_OF_RING) return;
    if (taken + sizeof record > rest) {  // the end: pad it, begin anew
      vs_record pad{.commit_bytes = rest, .type = VS_RECORD_PAD};
      std::memset(data.data(), 0, sizeof pad);
      std::memcpy(&data[at_], &pad, sizeof pad);
      at_ = 0;
      spoiled_ = true;  // the library may not have read what was there
      return;
    }
    if (!usual) {
      switch (input_.ConsumeIntegralInRange<int>(0, 4)) {
        case 0:
          record.commit_bytes = input_.ConsumeBool()
                                    ? input_.ConsumeIntegral<std::uint32_t>()
                                    : input_.ConsumeIntegralInRange<std::uint32_t>(0, 1100);
          spoiled_ = true;
          break;
        case 1: record.type = input_.ConsumeIntegral<std::uint16_t>(); break;
        case 2: record.flags = input_.ConsumeIntegral<std::uint16_t>(); break;
        case 3: record.cookie += input_.ConsumeIntegralInRange<std::uint64_t>(0, 4) - 2; break;
        default:
          record.cookie ^= std::uint64_t{1} << input_.ConsumeIntegralInRange<int>(0, 63);
          break;
      }
    }
    written_.push_back({record.type, record.cookie, payload});
    std::memset(&data[at_ + taken], 0, sizeof record);
    std::copy(payload.begin(), payload.end(), &data[at_] + sizeof record);
    std::memcpy(&data[at_], &record, sizeof record);
    at_ += taken;
  }

  FuzzedDataProvider& input_;
  Shared& shared_;
  std::optional<Bells> bells_;
  std::vector<Written> written_;
  std::uint32_t at_ = 0;
  std::uint32_t asked_at_ = 0;
  std::uint64_t cookie_ = 0;
  std::uint16_t asked_ = 0;
  bool grows_ = false;  // no room is ever enough
  std::uint32_t bytes_needed_ = 32;
  bool welcomed_ = false;
  bool spoiled_ = false;
};

bool is_documented(int status) {
  constexpr int kStatuses[] = {0,       -EINVAL,   -ENODEV, -EACCES, -ETIMEDOUT, -ECONNREFUSED,
                               -EPROTO, -EMSGSIZE, -ENOMEM, -EAGAIN, -ESTALE,    -ENOENT,
                               -EBUSY,  -EIO};  // the last three: the service's own
  return std::find(std::begin(kStatuses), std::end(kStatuses), status) != std::end(kStatuses);
}

void call(FuzzedDataProvider& input, EvilBackend& backend, vs_device* device) {
  const std::vector<std::uint8_t> request =
      input.ConsumeBytes<std::uint8_t>(input.ConsumeIntegralInRange<std::size_t>(0, 64));
  const void* answer = nullptr;
  std::size_t bytes = 0;
  const int status =
      vs_call(device, VS_DNS_LOOKUP, request.data(), request.size(),
              input.ConsumeIntegralInRange<std::size_t>(0, 1200), kTimeoutMs, &answer, &bytes);
  VS_CHECK(is_documented(status));
  if (status == 0 && !backend.spoiled()) {
    const auto* first = static_cast<const std::byte*>(answer);
    const bool was_written =
        std::any_of(backend.written().begin(), backend.written().end(), [&](const Written& one) {
          return one.type == VS_RECORD_ANSWER && one.cookie == backend.cookie() &&
                 one.payload.size() == sizeof(vs_answer) + bytes &&
                 std::equal(one.payload.begin() + sizeof(vs_answer), one.payload.end(), first);
        });
    VS_CHECK(was_written);
  }
  if (status == -EPROTO) {  // nothing is believed any more, not even a new connection
    const int connections = backend.connections();
    VS_CHECK(vs_call(device, VS_DNS_LOOKUP, nullptr, 0, 64, kTimeoutMs, &answer, &bytes) ==
             -EPROTO);
    VS_CHECK(backend.connections() == connections);
  }
}

// A call asks no more often than it may, whatever it is told.
template <class Call>
void is_bounded(EvilBackend& backend, vs_device* device, Call call) {
  const std::int64_t begun = backend.now_ms();
  vs_stats before;
  vs_get_stats(device, &before);
  call();
  vs_stats after;
  vs_get_stats(device, &after);
  VS_CHECK(after.requests - before.requests <= kTriesMax + after.repeats - before.repeats);
  VS_CHECK(backend.now_ms() - begun <= 3 * kTimeoutMs);
}

void look_at(const vs_dns_result_set& set) {
  VS_CHECK(set.result >= VS_DNS_FOUND && set.result <= VS_DNS_TRY_AGAIN);
  VS_CHECK((set.result == VS_DNS_FOUND) == (set.address_count + set.name_count != 0));
  VS_CHECK(set.address_count <= VS_DNS_ADDRESSES_MAX && set.name_count <= VS_DNS_NAMES_MAX);
  for (std::size_t i = 0; i < set.address_count; ++i)
    VS_CHECK(set.addresses[i].family == AF_INET || set.addresses[i].family == AF_INET6);
  for (std::size_t i = 0; i < set.name_count; ++i)
    VS_CHECK(std::strlen(set.names[i]) - 1 < VS_DNS_NAME_BYTES_MAX);
  if (set.canonical_name != nullptr)
    VS_CHECK(std::strlen(set.canonical_name) <= VS_DNS_NAME_BYTES_MAX);
}

// What was decoded is all of an answer to this call, and nothing else.
void is_an_answer(const EvilBackend& backend, std::uint64_t cookie, const vs_dns_result_set& set) {
  if (set.address_count + set.name_count == 0) return;  // perhaps not even asked
  std::size_t bytes = sizeof(vs_answer) + sizeof(vs_dns_addresses);
  static_assert(sizeof(vs_dns_addresses) == sizeof(vs_dns_names));
  if (set.name_count == 0 && set.canonical_name != nullptr)
    bytes += std::strlen(set.canonical_name);
  bytes += set.address_count * sizeof(vs_dns_address);
  for (std::size_t i = 0; i < set.name_count; ++i)
    bytes += sizeof(std::uint16_t) + std::strlen(set.names[i]);
  VS_CHECK(std::any_of(backend.written().begin(), backend.written().end(), [&](const Written& one) {
    return one.cookie == cookie && one.payload.size() == bytes;
  }));
}

void resolve(FuzzedDataProvider& input, EvilBackend& backend, vs_device* device) {
  vs_dns_result_set* set = nullptr;
  int status = 0;
  if (input.ConsumeBool()) {
    const std::string name = input.ConsumeIntegralInRange<int>(0, 7) == 0
                                 ? input.ConsumeRandomLengthString(80)
                                 : "a.test";  // others are mostly not even asked for
    status = vs_dns_resolve(device, name.c_str(), AF_UNSPEC, kTimeoutMs, &set);
  } else {
    const unsigned char address[16] = {10, 1, 2, 3};
    status = vs_dns_resolve_address(device, address, input.ConsumeBool() ? AF_INET : AF_INET6,
                                    kTimeoutMs, &set);
  }
  VS_CHECK(is_documented(status));
  if (status != 0) return;
  look_at(*set);
  if (!backend.spoiled()) is_an_answer(backend, backend.cookie(), *set);
  vs_dns_free(set);
}

}  // namespace
}  // namespace vs::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace vs::fuzz;
  static Shared shared;
  FuzzedDataProvider input(bytes, size);
  const int descriptors = open_descriptors();
  {
    EvilBackend backend(input, shared);
    vs_device* device = nullptr;
    if (vs_open("dns", "dns", kTimeoutMs, &device) == 0) {
      for (int calls = 0; calls < kCallsMax && input.remaining_bytes() != 0; ++calls) {
        is_bounded(backend, device, [&] {
          if (input.ConsumeBool())
            call(input, backend, device);
          else
            resolve(input, backend, device);
        });
      }
      vs_close(device);
    }
  }
  VS_CHECK(open_descriptors() == descriptors);
  return 0;
}
