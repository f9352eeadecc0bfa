// A backend that answers a guest's channels with whatever it likes: events, gaps, frames, outcomes, for requests that there are and
// that there are not. Each call ends within its time; an event is whole, in private memory or in a frame of the pool; what was lent is
// given back at most once; a device whose ring was broken believes nothing more.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <optional>
#include <vector>

#include "dataplane/abi/local.h"
#include "dataplane/abi/pubsub.h"
#include "dataplane/transport/local/local_broadcast.h"
#include "dataplane/transport/local/local_pool.h"
#include "tests/fuzz/bells.h"
#include "tests/fuzz/frontend_world.h"
#include "tests/fuzz/memory.h"

extern "C" {
#include "dataplane/client/vservice.h"
}

namespace vs::fuzz {
namespace {

inline constexpr int kTimeoutMs = 3000;
inline constexpr int kCallsMax = 12;
inline constexpr std::uint32_t kBuffers = 4;

struct Shared {
  vs_region_header header = make_header({.request_bytes_log2 = 12, .response_bytes_log2 = 16}, 1);
  UniqueFd memory = make_memory(header.bytes, kSeals);
  std::span<std::byte> bytes = map_memory(memory.get(), header.bytes);
  LocalPool pool = *LocalPool::create({.pool = 1, .buffer_count = kBuffers, .buffer_bytes = VS_PAGE_BYTES});

  void reset() {
    std::memset(bytes.data(), 0, bytes.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    auto frames = pool.bytes().subspan(VS_PAGE_BYTES);
    std::memset(frames.data(), 0, frames.size());
  }
  std::span<std::byte> data(const vs_ring_place& place) {
    return bytes.subspan(place.data_offset, std::size_t{1} << place.data_bytes_log2);
  }
};

template <class T>
void add(std::vector<std::byte>& to, const T& what) {
  const auto raw = std::as_bytes(std::span(&what, 1));
  to.insert(to.end(), raw.begin(), raw.end());
}

class EvilBackend final : public World {
 public:
  EvilBackend(FuzzedDataProvider& input, Shared& shared) : input_(input), shared_(shared) {}

  void connected() override {
    shared_.reset();
    bells_.emplace();
    ring_ = std::move(*LocalBroadcast::create({.channel = 1, .data_bytes_log2 = VS_RING_BYTES_LOG2_MIN}));
    asked_.clear();
    response_at_ = request_at_ = 0;
    welcomed_ = false;
  }
  void sent() override { act(); }
  void receives() override {
    if (!std::exchange(welcomed_, true)) return welcome();
    act();
  }

 private:
  struct Asked {
    std::uint16_t type;
    std::uint64_t cookie;
  };

  void welcome() {
    const vs_local_welcome message{.magic = VS_LOCAL_MAGIC, .status = VS_STATUS_OK, .region_bytes = shared_.header.bytes};
    std::vector<int> gifts{shared_.memory.get(), bells_->from_guest.fd(), bells_->to_guest.fd()};
    if (input_.ConsumeIntegralInRange<int>(0, 7) != 0) gifts.push_back(shared_.pool.memory());
    if (gifts.size() == 4 && input_.ConsumeIntegralInRange<int>(0, 3) != 0) gifts.push_back(ring_->memory());
    send_with(peer(), std::as_bytes(std::span(&message, 1)), gifts);
  }

  // What the guest asked since, and its space is given back.
  void read_requests() {
    const auto data = shared_.data(shared_.header.request);
    auto& cons = *reinterpret_cast<vs_cons_page*>(&shared_.bytes[shared_.header.request.cons_offset]);
    for (int looked = 0; looked < 64; ++looked) {
      vs_record request{};
      const std::uint32_t place = request_at_ & (static_cast<std::uint32_t>(data.size()) - 1);
      std::memcpy(&request, &data[place], sizeof request);
      if (request.commit_bytes == 0) break;
      if (request.type != VS_RECORD_PAD && request.type != VS_RECORD_RETURN) asked_.push_back({request.type, request.cookie});
      request_at_ += record_bytes(request.commit_bytes);
    }
    cons.cons = request_at_;
    if (input_.ConsumeIntegralInRange<int>(0, 31) == 0) cons.cons = input_.ConsumeIntegral<std::uint32_t>();
  }

  void act() {
    if (peer() < 0) return;
    read_requests();
    for (int acts = input_.ConsumeIntegralInRange<int>(0, 4); acts > 0; --acts) {
      switch (input_.ConsumeIntegralInRange<int>(0, 15)) {
        case 0: hang_up(); return;
        case 1: take_a_frame_back(); break;
        case 2: case 3: case 4: broadcast(); break;
        default: answer(); break;
      }
    }
    if (input_.ConsumeIntegralInRange<int>(0, 7) != 0) bells_->ring();
  }

  // An event, or what is none; now and then the ring itself is spoilt.
  void broadcast() {
    for (int count = input_.ConsumeIntegralInRange<int>(0, 8); count > 0; --count) {
      std::vector<std::byte> event = some_event(lies());
      if (lies()) event.resize(input_.ConsumeIntegralInRange<std::size_t>(0, event.size()));
      if (event.size() > ring_->writer().payload_bytes_max()) event.resize(ring_->writer().payload_bytes_max());
      ring_->writer().write(lies() ? VS_RECORD_SERVICE + 1 : VS_RECORD_SERVICE, {event});
    }
    const std::span<std::byte> bytes = ring_->bytes();
    if (lies()) bytes[VS_PAGE_BYTES + input_.ConsumeIntegralInRange<std::size_t>(0, 11)] = std::byte{input_.ConsumeIntegral<std::uint8_t>()};
    if (lies()) bytes[2 * VS_PAGE_BYTES + input_.ConsumeIntegralInRange<std::size_t>(0, 4095)] = std::byte{input_.ConsumeIntegral<std::uint8_t>()};
  }

  void take_a_frame_back() {
    auto* words = reinterpret_cast<vs_buffer_generation*>(&shared_.pool.bytes()[shared_.pool.header().generations_offset]);
    ++words[input_.ConsumeIntegralInRange<std::uint32_t>(0, kBuffers - 1)].generation;
  }

  std::vector<std::byte> some_event(bool gap) {
    vs_event head{};
    std::vector<std::byte> body;
    if (!gap) {
      head.channel_bytes = input_.ConsumeIntegralInRange<std::uint16_t>(0, 5);
      head.key_bytes = input_.ConsumeIntegralInRange<std::uint16_t>(0, 3);
      head.payload_bytes = input_.ConsumeIntegralInRange<std::uint32_t>(0, 600);
      body.resize(head.channel_bytes + head.key_bytes, std::byte{'c'});
      if (input_.ConsumeBool()) {
        head.attribute_count = 1;
        add(body, vs_event_attribute{.type = input_.ConsumeIntegralInRange<std::uint8_t>(0, 6), .name_bytes = 2, .value_bytes = 8});
        body.resize(body.size() + 10, std::byte{'n'});
      }
      head_bytes_ = static_cast<std::uint32_t>(sizeof head + body.size());
      body.resize(body.size() + head.payload_bytes, std::byte{'p'});
    } else {
      head.flags = VS_EVENT_GAP;
    }
    head.sequence = input_.ConsumeIntegralInRange<std::uint64_t>(0, 9);
    body.resize((body.size() + VS_EVENT_ALIGN - 1) / VS_EVENT_ALIGN * VS_EVENT_ALIGN);
    head.bytes = static_cast<std::uint32_t>(sizeof head + body.size());
    if (lies()) head.bytes = input_.ConsumeIntegral<std::uint32_t>();
    if (lies()) head.flags = input_.ConsumeIntegral<std::uint16_t>();
    if (lies()) head.payload_bytes = input_.ConsumeIntegral<std::uint32_t>();
    if (lies()) head.attribute_count = input_.ConsumeIntegral<std::uint16_t>();
    std::vector<std::byte> event;
    add(event, head);
    event.insert(event.end(), body.begin(), body.end());
    return event;
  }

  // A descriptor of a frame with an event in it, and the words behind it.
  std::vector<std::byte> some_lending() {
    const auto& header = shared_.pool.header();
    const auto number = input_.ConsumeIntegralInRange<std::uint32_t>(0, kBuffers - 1);
    const std::vector<std::byte> event = some_event(lies());
    std::copy(event.begin(), event.end(), &shared_.pool.bytes()[header.buffers_offset + number * header.buffer_bytes]);
    const auto* words = reinterpret_cast<vs_buffer_generation*>(&shared_.pool.bytes()[header.generations_offset]);
    vs_buffer buffer{.pool = 1, .buffer = number, .generation = words[number].generation, .flags = 0, .offset = 0, .bytes = event.size()};
    if (lies()) buffer.pool = input_.ConsumeIntegral<std::uint32_t>();
    if (lies()) buffer.buffer = input_.ConsumeIntegral<std::uint32_t>();
    if (lies()) buffer.generation += 1;
    if (lies()) buffer.offset = input_.ConsumeIntegral<std::uint64_t>();
    if (lies()) buffer.bytes = input_.ConsumeIntegral<std::uint64_t>();
    vs_pubsub_outcome outcome{.result = 0, .text_bytes = 0, .value = input_.ConsumeIntegralInRange<std::uint64_t>(0, 2)};
    if (lies()) outcome.result = input_.ConsumeIntegral<std::uint32_t>();
    vs_pubsub_frame frame{.missed = input_.ConsumeIntegralInRange<std::uint64_t>(0, 3), .head_bytes = head_bytes_, .flags = 0, .reserved = 0};
    if (lies()) frame.head_bytes = input_.ConsumeIntegral<std::uint32_t>();
    if (lies()) frame.flags = input_.ConsumeIntegral<std::uint16_t>();
    std::vector<std::byte> payload;
    add(payload, buffer);
    add(payload, outcome);
    add(payload, frame);
    if (lies()) payload.resize(input_.ConsumeIntegralInRange<std::size_t>(0, 100));
    return payload;
  }

  std::vector<std::byte> some_answer(std::uint16_t asked) {
    vs_answer head{};
    if (lies()) head.status = input_.ConsumeIntegralInRange<std::uint32_t>(0, 12);
    vs_pubsub_outcome outcome{.result = 0, .text_bytes = 0, .value = asked == VS_PUBSUB_PUBLISH ? 1u : 7u};
    if (lies()) outcome.result = input_.ConsumeIntegralInRange<std::uint32_t>(0, 12);
    if (lies()) outcome.text_bytes = input_.ConsumeIntegralInRange<std::uint32_t>(0, 40);
    if (lies()) outcome.value = input_.ConsumeIntegral<std::uint64_t>();
    std::vector<std::byte> payload;
    add(payload, head);
    add(payload, outcome);
    if ((asked == VS_PUBSUB_SUBSCRIBE || asked == VS_PUBSUB_FILTER) && !lies())
      add(payload, vs_pubsub_broadcast{.next = input_.ConsumeBool() ? ring_->writer().next_sequence() : input_.ConsumeIntegralInRange<std::uint64_t>(0, 9), .reserved = 0});
    for (int events = asked == VS_PUBSUB_RECEIVE ? input_.ConsumeIntegralInRange<int>(0, 3) : 0; events > 0; --events) {
      const auto event = some_event(input_.ConsumeIntegralInRange<int>(0, 3) == 0);
      payload.insert(payload.end(), event.begin(), event.end());
    }
    if (lies()) payload.resize(input_.ConsumeIntegralInRange<std::size_t>(0, 200));
    return payload;
  }

  void answer() {
    Asked asked{VS_PUBSUB_RECEIVE, input_.ConsumeIntegralInRange<std::uint64_t>(0, 200)};
    if (!asked_.empty() && !lies()) {
      const std::size_t which = input_.ConsumeIntegralInRange<std::size_t>(0, asked_.size() - 1);
      asked = asked_[which];
      asked_.erase(asked_.begin() + static_cast<std::ptrdiff_t>(which));
    }
    const bool lends = asked.type == VS_PUBSUB_RECEIVE ? input_.ConsumeBool() : lies();
    const std::vector<std::byte> payload = lends ? some_lending() : some_answer(asked.type);
    const auto data = shared_.data(shared_.header.response);
    const auto size = static_cast<std::uint32_t>(data.size());
    const std::uint32_t place = response_at_ & (size - 1);
    vs_record record{.commit_bytes = static_cast<std::uint32_t>(sizeof record + payload.size()),
                     .type = static_cast<std::uint16_t>(lends ? VS_RECORD_BUFFER : VS_RECORD_ANSWER),
                     .flags = 0,
                     .cookie = asked.cookie};
    const std::uint32_t taken = record_bytes(record.commit_bytes);
    if (taken + sizeof record > size - place) return;  // enough for one story
    std::memset(&data[place + taken], 0, sizeof record);
    std::copy(payload.begin(), payload.end(), &data[place] + sizeof record);
    std::memcpy(&data[place], &record, sizeof record);
    response_at_ += taken;
  }

  bool lies() { return input_.ConsumeIntegralInRange<int>(0, 31) == 31; }

  FuzzedDataProvider& input_;
  Shared& shared_;
  std::optional<Bells> bells_;
  std::unique_ptr<LocalBroadcast> ring_;
  std::deque<Asked> asked_;
  std::uint32_t response_at_ = 0;
  std::uint32_t request_at_ = 0;
  std::uint32_t head_bytes_ = sizeof(vs_event);
  bool welcomed_ = false;
};

bool is_documented(int status) {
  constexpr int kStatuses[] = {-EINVAL, -ENODEV, -EACCES, -ETIMEDOUT, -ECONNREFUSED, -EPROTO, -EMSGSIZE, -ENOMEM,
                               -EAGAIN, -ESTALE, -ENOENT, -EBUSY,     -EIO,          -EPIPE};
  return status >= 0 || std::find(std::begin(kStatuses), std::end(kStatuses), status) != std::end(kStatuses);
}

// Reads all of it: AddressSanitizer and the memory's end see to the rest.
void look_at(const vs_channel_event& event) {
  unsigned sum = 0;
  const auto* payload = static_cast<const unsigned char*>(event.payload);
  for (std::size_t i = 0; i < event.payload_bytes; ++i) sum += payload[i];
  for (std::size_t i = 0; i < event.attribute_count; ++i) {
    sum += static_cast<unsigned>(std::strlen(event.attributes[i].name));
    for (std::size_t at = 0; at < event.attributes[i].value.text_bytes; ++at)
      sum += static_cast<unsigned char>(event.attributes[i].value.text[at]);
  }
  VS_CHECK(event.channel != nullptr && std::strlen(event.channel) <= VS_CHANNEL_BYTES_MAX && sum + 1 != 0);
}

void use(FuzzedDataProvider& input, vs_device* device) {
  std::vector<vs_channel_subscription*> subscriptions;
  for (int calls = 0; calls < kCallsMax && input.remaining_bytes() != 0; ++calls) {
    const int which = input.ConsumeIntegralInRange<int>(0, 7);
    int status = 0;
    vs_channel_subscription* one =
        subscriptions.empty() ? nullptr : subscriptions[input.ConsumeIntegralInRange<std::size_t>(0, subscriptions.size() - 1)];
    if (which == 0 || one == nullptr) {
      const vs_channel_options options = {.pattern = ">", .filter = nullptr, .events_max = 0, .bytes_max = 0, .overflow = 0, .retained = 0};
      vs_channel_subscription* made = nullptr;
      status = vs_channel_subscribe(device, &options, kTimeoutMs, &made);
      if (status == 0) subscriptions.push_back(made);
    } else if (which == 1) {
      const vs_channel_event event = {.channel = "a", .payload = "p", .payload_bytes = 1};
      status = vs_channel_publish(device, &event, 1, kTimeoutMs);
    } else if (which == 2) {
      status = vs_channel_release(one);
    } else if (which == 4 && input.ConsumeBool()) {
      status = vs_channel_filter(one, "size(payload) > 1", kTimeoutMs);
    } else if (which == 5 && input.ConsumeBool()) {
      status = vs_channel_poll(device, VS_CHANNEL_IN, 0);
    } else if (which == 3) {
      std::erase(subscriptions, one);
      status = vs_channel_unsubscribe(one, kTimeoutMs);
    } else {
      const vs_channel_event* event = nullptr;
      status = vs_channel_receive(one, input.ConsumeBool() ? kTimeoutMs : 0, &event);
      if (status == 1) look_at(*event);
      VS_CHECK(vs_channel_current(one) == 0 || vs_channel_current(one) == 1);
    }
    VS_CHECK(is_documented(status));
  }
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
    if (vs_open("pubsub", "pubsub", kTimeoutMs, &device) == 0) {
      use(input, device);
      vs_close(device);
    }
  }
  VS_CHECK(open_descriptors() == descriptors);
  return 0;
}
