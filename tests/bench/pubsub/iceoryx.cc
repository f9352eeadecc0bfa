// iceoryx: a publisher that waits for whoever is behind, and subscribers that sleep in a WaitSet and read chunks where they lie.
// RouDi must run, with memory pools for these payloads (common/roudi.py).
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

extern "C" {
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/wait_set.h>
}

#include "tests/bench/pubsub/side.h"

namespace vs::bench {
namespace {

constexpr std::uint64_t kQueueMax = 256;  // iceoryx's own limit
constexpr std::size_t kQueueBytesMax = std::size_t{16} << 20;
constexpr timespec kReceiveMax{.tv_sec = 0, .tv_nsec = 200'000'000};

// Of this process, from before its first port until after its last. RouDi does not look whether processes live: one that left without
// a word would hold its publisher up for ever.
class Runtime {
 public:
  Runtime() { iox_runtime_init(("bench-pubsub-" + std::to_string(::getpid())).c_str()); }
  Runtime(const Runtime&) = delete;
  ~Runtime() { iox_runtime_shutdown(); }
};

class IceoryxPublisher final : public Publisher {
 public:
  IceoryxPublisher() {
    iox_pub_options_t wanted;
    iox_pub_options_init(&wanted);
    wanted.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
    wanted.historyCapacity = 1;  // for those who subscribe after the first event
    publisher_ = iox_pub_init(&storage_, "bench", "pubsub", "event", &wanted);
  }
  ~IceoryxPublisher() override { iox_pub_deinit(publisher_); }
  void publish(std::span<std::byte> payload, std::size_t count, const std::function<void(std::byte*)>& stamp) override {
    for (; count > 0; --count) {
      void* chunk = nullptr;
      for (;;) {
        const auto result = iox_pub_loan_chunk(publisher_, &chunk, static_cast<std::uint32_t>(payload.size()));
        if (result == AllocationResult_SUCCESS) break;
        check(result == AllocationResult_RUNNING_OUT_OF_CHUNKS, "loan");
        ::sched_yield();
      }
      stamp(payload.data());
      std::memcpy(chunk, payload.data(), payload.size());
      iox_pub_publish_chunk(publisher_, chunk);
    }
  }
  void flush() override {}

 private:
  Runtime runtime_;
  iox_pub_storage_t storage_{};
  iox_pub_t publisher_;
};

class IceoryxSubscriber final : public Subscriber {
 public:
  explicit IceoryxSubscriber(const PubsubOptions& options) : payload_bytes_(options.payload_bytes) {
    iox_sub_options_t wanted;
    iox_sub_options_init(&wanted);
    wanted.queueCapacity = std::min<std::uint64_t>(kQueueMax, std::max<std::size_t>(1, kQueueBytesMax / payload_bytes_));
    wanted.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
    wanted.historyRequest = 1;
    subscriber_ = iox_sub_init(&storage_, "bench", "pubsub", "event", &wanted);
    waits_ = iox_ws_init(&wait_storage_);
    check(iox_ws_attach_subscriber_state(waits_, subscriber_, SubscriberState_HAS_DATA, 1, nullptr) == WaitSetResult_SUCCESS, "wait set");
  }
  ~IceoryxSubscriber() override {
    if (chunk_ != nullptr) iox_sub_release_chunk(subscriber_, chunk_);
    iox_ws_deinit(waits_);
    iox_sub_deinit(subscriber_);
  }
  std::optional<Event> receive() override {
    if (chunk_ != nullptr) iox_sub_release_chunk(subscriber_, std::exchange(chunk_, nullptr));
    if (take()) return Event{{static_cast<const std::byte*>(chunk_), payload_bytes_}, 0};
    iox_notification_info_t ready[1];
    std::uint64_t missed = 0;
    (void)iox_ws_timed_wait(waits_, kReceiveMax, ready, 1, &missed);
    if (take()) return Event{{static_cast<const std::byte*>(chunk_), payload_bytes_}, 0};
    return std::nullopt;
  }

 private:
  bool take() { return iox_sub_take_chunk(subscriber_, &chunk_) == ChunkReceiveResult_SUCCESS; }

  Runtime runtime_;
  std::size_t payload_bytes_;
  iox_sub_storage_t storage_{};
  iox_ws_storage_t wait_storage_{};
  iox_sub_t subscriber_;
  iox_ws_t waits_;
  const void* chunk_ = nullptr;
};

}  // namespace

Peer iceoryx(const PubsubOptions& options) {
  return {.publisher = [] { return std::make_unique<IceoryxPublisher>(); },
          .subscriber = [options](std::size_t) { return std::make_unique<IceoryxSubscriber>(options); }};
}

}  // namespace vs::bench
