// iceoryx: publisher and subscriber, each way. wait=spin takes chunks in a loop, wait=block sleeps in a WaitSet. A full queue
// holds the publisher up, so that nothing is lost. RouDi must run, with memory pools for these payloads (iceoryx.py).
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

extern "C" {
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>
#include <iceoryx_binding_c/wait_set.h>
}

#include "tests/bench/ring/exchange.h"

namespace vs::bench {
namespace {

constexpr std::size_t kQueueMessagesMax = 256;  // iceoryx's own limit
constexpr std::size_t kQueueBytesMax = std::size_t{64} << 20;

struct Modes {
  explicit Modes(const Options& options) {
    if (options.wait != Wait::block && options.wait != Wait::spin) die("iceoryx: only wait=spin and wait=block");
  }
};

// Registers the process with RouDi, before any publisher and until after the last.
class Runtime {
 public:
  explicit Runtime(const char* side) {
    iox_runtime_init(("vservices-bench-" + std::string(side) + "-" + std::to_string(::getpid())).c_str());
  }
  Runtime(const Runtime&) = delete;
  ~Runtime() { iox_runtime_shutdown(); }
};

class Publisher {
 public:
  explicit Publisher(const char* event) {
    iox_pub_options_t options;
    iox_pub_options_init(&options);
    options.subscriberTooSlowPolicy = ConsumerTooSlowPolicy_WAIT_FOR_CONSUMER;
    publisher_ = iox_pub_init(&storage_, "bench", "ring", event, &options);
  }
  Publisher(const Publisher&) = delete;
  ~Publisher() { iox_pub_deinit(publisher_); }

  // A chunk to be filled. All are in use when the other side has not released its own yet.
  void* loan(std::size_t bytes) {
    void* chunk = nullptr;
    for (;;) {
      const auto result = iox_pub_loan_chunk(publisher_, &chunk, static_cast<std::uint32_t>(bytes));
      if (result == AllocationResult_SUCCESS) return chunk;
      if (result != AllocationResult_RUNNING_OUT_OF_CHUNKS) die("loan: " + std::to_string(result));
      ::sched_yield();
    }
  }
  void publish(void* chunk) { iox_pub_publish_chunk(publisher_, chunk); }
  void wait_for_subscriber() {
    while (!iox_pub_has_subscribers(publisher_)) ::sched_yield();
  }

 private:
  iox_pub_storage_t storage_{};
  iox_pub_t publisher_;
};

class Subscriber {
 public:
  Subscriber(const char* event, const Options& bench, std::size_t payload_bytes) : spin_(bench.wait == Wait::spin) {
    iox_sub_options_t options;
    iox_sub_options_init(&options);
    options.queueCapacity = std::clamp<std::size_t>(kQueueBytesMax / payload_bytes, 1, kQueueMessagesMax);
    options.queueFullPolicy = QueueFullPolicy_BLOCK_PRODUCER;
    subscriber_ = iox_sub_init(&storage_, "bench", "ring", event, &options);
    waits_ = iox_ws_init(&wait_storage_);
    if (!spin_ && iox_ws_attach_subscriber_state(waits_, subscriber_, SubscriberState_HAS_DATA, 1, nullptr) != WaitSetResult_SUCCESS)
      die("cannot wait for the subscriber");
  }
  Subscriber(const Subscriber&) = delete;
  ~Subscriber() {
    iox_ws_deinit(waits_);
    iox_sub_deinit(subscriber_);
  }

  const void* take() {
    const void* chunk = nullptr;
    for (;;) {
      const auto result = iox_sub_take_chunk(subscriber_, &chunk);
      if (result == ChunkReceiveResult_SUCCESS) return chunk;
      if (result != ChunkReceiveResult_NO_CHUNK_AVAILABLE) die("take: " + std::to_string(result));
      if (spin_) {
        pause();
        continue;
      }
      iox_notification_info_t ready[1];
      std::uint64_t missed = 0;
      iox_ws_wait(waits_, ready, 1, &missed);
    }
  }
  void release(const void* chunk) { iox_sub_release_chunk(subscriber_, chunk); }
  void wait_for_publisher() {
    while (iox_sub_get_subscription_state(subscriber_) != SubscribeState_SUBSCRIBED) ::sched_yield();
  }

 private:
  bool spin_;
  iox_sub_storage_t storage_{};
  iox_ws_storage_t wait_storage_{};
  iox_sub_t subscriber_;
  iox_ws_t waits_;
};

class End {
 public:
  End(const char* side, const char* sends, const char* receives, const Options& options, std::size_t received_bytes)
      : runtime_(side),
        publisher_(sends),
        subscriber_(receives, options, received_bytes),
        own_(options.payload_bytes, 'i'),
        into_(received_bytes) {}

  void connected() {
    subscriber_.wait_for_publisher();
    publisher_.wait_for_subscriber();
  }

  void send(Head head) {
    std::memcpy(own_.data(), &head, sizeof head);
    void* chunk = publisher_.loan(own_.size());
    std::memcpy(chunk, own_.data(), own_.size());
    publisher_.publish(chunk);
  }
  void flush() {}

  Head receive() {
    const void* chunk = subscriber_.take();
    std::memcpy(into_.data(), chunk, into_.size());
    subscriber_.release(chunk);
    Head head;
    std::memcpy(&head, into_.data(), sizeof head);
    return head;
  }

  Head echo() {
    const void* asked = subscriber_.take();
    void* answer = publisher_.loan(own_.size());
    std::memcpy(answer, asked, own_.size());
    Head head;
    std::memcpy(&head, answer, sizeof head);
    publisher_.publish(answer);
    subscriber_.release(asked);
    return head;
  }
  void settle() {}

  // The frame stays where it is: only its head is written, and its ends are read.
  void hand_off(Head head) {
    void* frame = publisher_.loan(own_.size());
    std::memcpy(frame, &head, sizeof head);
    publisher_.publish(frame);
  }
  void take_back() { receive(); }
  Head take_frame() {
    frame_ = subscriber_.take();
    Head head;
    std::memcpy(&head, frame_, sizeof head);
    return head;
  }
  void give_frame_back() {
    subscriber_.release(frame_);
    void* done = publisher_.loan(sizeof(Head));
    std::memset(done, 0, sizeof(Head));
    publisher_.publish(done);
  }

 private:
  Runtime runtime_;
  Publisher publisher_;
  Subscriber subscriber_;
  std::vector<char> own_;
  std::vector<char> into_;
  const void* frame_ = nullptr;
};

struct Near : End {
  Near(const Modes&, const Options& options)
      : End("near", "request", "answer", options, options.name == kHandoff ? sizeof(Head) : options.payload_bytes) {}
};
struct Far : End {
  Far(const Modes&, const Options& options) : End("far", "answer", "request", options, options.payload_bytes) {}
};

}  // namespace
}  // namespace vs::bench

int main(int count, char** words) { return vs::bench::run_exchange<vs::bench::Modes, vs::bench::Near, vs::bench::Far>(count, words); }
